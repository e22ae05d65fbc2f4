//! The process's thread pool: kernels hand it blocks, and it never changes what they compute.

use foci_kernels::Parallel;

/// Runs blocks on the process's threads: one block, and a caller who finds the pool busy, on the calling thread alone.
pub struct Pool;

#[cfg(target_arch = "wasm32")]
mod backend {
    use crate::fault::Result;

    /// Threads of the pool: WebAssembly has the calling one.
    pub fn threads() -> usize {
        1
    }

    pub fn set_threads(_threads: u32) -> Result<()> {
        Ok(())
    }

    pub fn run(blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        (0..blocks).for_each(body);
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod backend {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::workers::Workers;
    use crate::fault::{Fault, Result};

    static POOL: OnceLock<Workers> = OnceLock::new();
    static REQUESTED: AtomicUsize = AtomicUsize::new(0);
    const MOST: usize = 512;

    /// Threads of the pool: those it runs with, or those it would start with.
    pub fn threads() -> usize {
        POOL.get().map_or_else(wanted, Workers::threads)
    }

    /// Sizes the pool before its first use. Errors: `RANGE` for 0, or where the pool already runs with another number.
    pub fn set_threads(threads: u32) -> Result<()> {
        let fault = |message| Err(Fault::range(message).of("setThreads"));
        let threads = threads as usize;
        if threads == 0 || threads > MOST {
            return fault(format!("{threads} threads; 1 to {MOST} are possible"));
        }
        match POOL.get().map(Workers::threads) {
            Some(running) if running != threads => fault(format!("the pool already runs with {running} threads")),
            _ => {
                REQUESTED.store(threads, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    pub fn run(blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        match blocks {
            0 | 1 => (0..blocks).for_each(body),
            _ => POOL.get_or_init(|| Workers::start(wanted())).run(blocks, body),
        }
    }

    /// As requested, else `FOCI_THREADS`, else the cores that this process may use.
    fn wanted() -> usize {
        let requested = Some(REQUESTED.load(Ordering::Relaxed)).filter(|&threads| threads > 0);
        let variable =
            || std::env::var("FOCI_THREADS").ok()?.parse().ok().filter(|threads| (1..=MOST).contains(threads));
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        requested.or_else(variable).unwrap_or_else(cores)
    }
}

pub use backend::{set_threads, threads};

#[allow(unsafe_code)]
// SAFETY: a range or a counter gives each number once, and rayon's scope ends, or unwinds, after all that it spawned.
unsafe impl Parallel for Pool {
    fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        backend::run(blocks, body);
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod workers {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use rayon::{ThreadPool, ThreadPoolBuilder};

    /// The calling thread and the ones that help it.
    pub struct Workers {
        helpers: Option<ThreadPool>,
        busy: AtomicBool,
    }

    impl Workers {
        pub fn start(threads: usize) -> Self {
            let build = || {
                let name = |i| format!("foci-{i}");
                ThreadPoolBuilder::new().num_threads(threads - 1).thread_name(name).build().ok()
            };
            // Without the threads it wanted the pool is the calling thread: slower, and the same numbers.
            let helpers = if threads > 1 { build() } else { None };
            Self { helpers, busy: AtomicBool::new(false) }
        }

        pub fn threads(&self) -> usize {
            1 + self.helpers.as_ref().map_or(0, ThreadPool::current_num_threads)
        }

        /// Runs every block; a panic in one of them goes on in the caller once the others have ended.
        pub fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
            let (Some(helpers), Some(_turn)) = (&self.helpers, Turn::take(&self.busy)) else {
                return (0..blocks).for_each(body);
            };
            let next = AtomicUsize::new(0);
            let work = || {
                let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&block| block < blocks);
                std::iter::from_fn(take).for_each(body);
            };
            helpers.in_place_scope(|scope| {
                for _ in 0..helpers.current_num_threads().min(blocks - 1) {
                    scope.spawn(|_| work());
                }
                work();
            });
        }
    }

    /// The right to use the helpers, given back when dropped.
    struct Turn<'a>(&'a AtomicBool);

    impl<'a> Turn<'a> {
        fn take(busy: &'a AtomicBool) -> Option<Self> {
            (!busy.swap(true, Ordering::Acquire)).then_some(Self(busy))
        }
    }

    impl Drop for Turn<'_> {
        fn drop(&mut self) {
            self.0.store(false, Ordering::Release);
        }
    }

    #[cfg(test)]
    mod tests {
        use std::panic::{AssertUnwindSafe, catch_unwind};
        use std::sync::Mutex;
        use std::thread::{ThreadId, current};

        use super::*;

        /// Σ i² for i below 1000, by blocks, and the threads that took part.
        fn squares(workers: &Workers) -> (u64, Vec<ThreadId>) {
            let (sum, ids) = (Mutex::new(0), Mutex::new(Vec::new()));
            workers.run(1000, &|block| {
                *sum.lock().unwrap() += (block * block) as u64;
                ids.lock().unwrap().push(current().id());
            });
            (sum.into_inner().unwrap(), ids.into_inner().unwrap())
        }

        #[test]
        fn any_number_of_threads_runs_each_block_once() {
            for threads in [1, 2, 4] {
                let workers = Workers::start(threads);
                assert_eq!(workers.threads(), threads);
                let (sum, ids) = squares(&workers);
                // (n − 1) n (2n − 1) / 6 for n = 1000
                assert_eq!((sum, ids.len()), (332_833_500, 1000));
            }
        }

        #[test]
        fn helpers_take_part() {
            let workers = Workers::start(2);
            let both = std::sync::Barrier::new(2);
            // Each block waits for the other: one thread alone would never end.
            workers.run(2, &|_| {
                both.wait();
            });
        }

        #[test]
        fn a_second_caller_runs_its_blocks_itself() {
            let workers = Workers::start(2);
            let ids = Mutex::new(Vec::new());
            workers.run(2, &|_| {
                let caller = current().id();
                let (sum, inner) = squares(&workers);
                assert_eq!(sum, 332_833_500);
                ids.lock().unwrap().push(inner.iter().all(|&id| id == caller));
            });
            assert_eq!(ids.into_inner().unwrap(), [true, true]);
        }

        #[test]
        fn a_panic_reaches_the_caller_and_leaves_the_pool_usable() {
            let workers = Workers::start(2);
            let run = || workers.run(100, &|block| assert_ne!(block, 57, "block 57"));
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
            assert!(Turn::take(&workers.busy).is_some());
            assert_eq!(squares(&workers).0, 332_833_500);
        }
    }
}
