//! The process's thread pool: kernels hand it blocks, and it never changes what they compute.

use foci_kernels::Parallel;

/// Runs blocks on the process's threads: one block, and a caller who finds the pool busy or works alone, on the calling
/// thread.
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

    pub fn work_alone() {}

    pub fn run(blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        (0..blocks).for_each(body);
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod backend {
    use std::cell::Cell;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::workers::Workers;
    use crate::fault::{Fault, Result};

    static POOL: OnceLock<Workers> = OnceLock::new();
    static REQUESTED: AtomicUsize = AtomicUsize::new(0);
    const MOST: usize = 512;

    thread_local! {
        static ALONE: Cell<bool> = const { Cell::new(false) };
    }

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

    /// From here on the calling thread runs its blocks itself: for threads that share the cores by other work than blocks.
    pub fn work_alone() {
        ALONE.set(true);
    }

    pub fn run(blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        match blocks {
            0 | 1 => (0..blocks).for_each(body),
            _ if ALONE.get() => (0..blocks).for_each(body),
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

pub use backend::{set_threads, threads, work_alone};

#[allow(unsafe_code)]
// SAFETY: a range or a counter gives each number once, and the caller goes on, or unwinds, when no helper is inside.
unsafe impl Parallel for Pool {
    fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
        backend::run(blocks, body);
    }
}

#[cfg(not(target_arch = "wasm32"))]
#[allow(unsafe_code)]
mod workers {
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::ptr;
    use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    /// How long a thread looks for work before it sleeps: a wake-up takes longer than most operations of a training step.
    const AWAKE: Duration = Duration::from_micros(60);

    /// What is handed out. It stands on the caller's stack until no helper is inside.
    struct Task<'a> {
        body: &'a (dyn Fn(usize) + Sync),
        blocks: usize,
        next: AtomicUsize,
        panic: Mutex<Option<Box<dyn Any + Send>>>,
    }

    impl Task<'_> {
        /// Runs blocks until none is left. A panic is kept for the caller, and leaves the rest undone.
        fn work(&self) {
            let take = || Some(self.next.fetch_add(1, Ordering::Relaxed)).filter(|&block| block < self.blocks);
            let run = || std::iter::from_fn(take).for_each(self.body);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                self.next.store(self.blocks, Ordering::Relaxed);
                self.panic.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(panic);
            }
        }
    }

    /// What the caller and the helpers share.
    #[derive(Default)]
    struct Board {
        /// The task of the moment, else null.
        task: AtomicPtr<Task<'static>>,
        /// Tasks so far: helpers wait for it to change.
        round: AtomicUsize,
        /// Helpers that may hold the task.
        inside: AtomicUsize,
        over: AtomicBool,
    }

    impl Board {
        fn take_part(&self) {
            // Every access is SeqCst: a helper that finds the task after it announced itself is seen by the caller, which
            // takes the task away before it counts.
            self.inside.fetch_add(1, Ordering::SeqCst);
            let task = self.task.load(Ordering::SeqCst);
            // SAFETY: not null, so the caller has not taken it away yet; it does so before it waits for `inside` to fall to
            // 0, and the task outlives that wait.
            if let Some(task) = unsafe { task.as_ref() } {
                task.work();
            }
            self.inside.fetch_sub(1, Ordering::SeqCst);
        }

        fn help(&self, asleep: &AtomicBool) {
            let mut seen = 0;
            while !self.over.load(Ordering::SeqCst) {
                seen = self.wait(seen, asleep);
                self.take_part();
            }
        }

        /// Waits for another round than `seen`, awake at first.
        fn wait(&self, seen: usize, asleep: &AtomicBool) -> usize {
            let start = Instant::now();
            loop {
                for _ in 0..32 {
                    let round = self.round.load(Ordering::SeqCst);
                    if round != seen {
                        return round;
                    }
                    std::hint::spin_loop();
                }
                if start.elapsed() > AWAKE {
                    // Announced before the last look: a caller either is seen by it or sees the announcement.
                    asleep.store(true, Ordering::SeqCst);
                    if self.round.load(Ordering::SeqCst) == seen {
                        thread::park();
                    }
                    asleep.store(false, Ordering::SeqCst);
                }
            }
        }
    }

    struct Helper {
        asleep: Arc<AtomicBool>,
        thread: JoinHandle<()>,
    }

    impl Helper {
        fn wake(&self) {
            if self.asleep.load(Ordering::SeqCst) {
                self.thread.thread().unpark();
            }
        }
    }

    /// The calling thread and the ones that help it.
    pub struct Workers {
        board: Arc<Board>,
        helpers: Vec<Helper>,
        busy: AtomicBool,
    }

    impl Workers {
        pub fn start(threads: usize) -> Self {
            let board = Arc::new(Board::default());
            // Without the threads it wanted the pool is smaller: slower, and the same numbers.
            let helpers = (1..threads).map_while(|i| {
                let (asleep, board) = (Arc::new(AtomicBool::new(false)), board.clone());
                let own = asleep.clone();
                let thread = thread::Builder::new().name(format!("foci-{i}")).spawn(move || board.help(&own)).ok()?;
                Some(Helper { asleep, thread })
            });
            Self { helpers: helpers.collect(), board, busy: AtomicBool::new(false) }
        }

        pub fn threads(&self) -> usize {
            1 + self.helpers.len()
        }

        /// Runs every block; a panic in one of them goes on in the caller once the others have ended.
        pub fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
            let lease = if self.helpers.is_empty() { None } else { Lease::try_take(&self.busy) };
            let Some(_lease) = lease else {
                return (0..blocks).for_each(body);
            };
            let task = Task { body, blocks, next: AtomicUsize::new(0), panic: Mutex::new(None) };
            self.board.task.store((&raw const task).cast_mut().cast(), Ordering::SeqCst);
            self.board.round.fetch_add(1, Ordering::SeqCst);
            self.helpers.iter().take(blocks.saturating_sub(1)).for_each(Helper::wake);
            task.work();
            self.board.task.store(ptr::null_mut(), Ordering::SeqCst);
            let mut looks = 0u32;
            while self.board.inside.load(Ordering::SeqCst) > 0 {
                looks += 1;
                if looks.is_multiple_of(1024) { thread::yield_now() } else { std::hint::spin_loop() }
            }
            if let Some(panic) = task.panic.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
                resume_unwind(panic);
            }
        }
    }

    impl Drop for Workers {
        fn drop(&mut self) {
            self.board.over.store(true, Ordering::SeqCst);
            self.board.round.fetch_add(1, Ordering::SeqCst);
            for Helper { thread, .. } in self.helpers.drain(..) {
                thread.thread().unpark();
                let _ = thread.join();
            }
        }
    }

    /// The right to use the helpers, given back when dropped.
    struct Lease<'a>(&'a AtomicBool);

    impl<'a> Lease<'a> {
        fn try_take(busy: &'a AtomicBool) -> Option<Self> {
            // Made only where it is due: dropping a lease gives it back.
            (!busy.swap(true, Ordering::Acquire)).then(|| Self(busy))
        }
    }

    impl Drop for Lease<'_> {
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
        fn a_lease_that_is_taken_stays_so_however_often_it_is_asked_for() {
            let busy = AtomicBool::new(false);
            let lease = Lease::try_take(&busy);
            assert!(lease.is_some() && Lease::try_take(&busy).is_none() && Lease::try_take(&busy).is_none());
            drop(lease);
            assert!(Lease::try_take(&busy).is_some());
        }

        #[test]
        fn a_panic_reaches_the_caller_and_leaves_the_pool_usable() {
            let workers = Workers::start(2);
            let run = || workers.run(100, &|block| assert_ne!(block, 57, "block 57"));
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
            assert!(Lease::try_take(&workers.busy).is_some());
            assert_eq!(squares(&workers).0, 332_833_500);
        }
    }
}
