//! Rows by user and time. Blocks of rows are put by ranges of users first, each in its own memory; then each range is sorted
//! where the caches hold it. Ranges follow from the rows, not from the threads.

use std::sync::{Mutex, MutexGuard, PoisonError};

use foci_kernels::Parallel;

/// Rows that a range of users has, about, and the most ranges.
const RANGE_ROWS: usize = 1 << 16;
const MOST_RANGES: usize = 1024;

/// Rows in the order of the source.
pub struct Block<'a> {
    /// Numbers of users.
    pub user: &'a mut [i32],
    /// Rows with another number than 0 are left out.
    pub faults: &'a [u8],
    pub times: &'a mut [f64],
    /// What breaks ties of times; 0 where absent.
    pub rests: Option<&'a mut [i16]>,
    /// Columns that go along.
    pub others: Vec<&'a mut [i32]>,
}

/// Where the sorted rows go.
pub struct Log<'a> {
    /// Where each user's rows stand, [U + 1].
    pub offsets: &'a mut [i32],
    pub times: &'a mut [f64],
    pub others: Vec<&'a mut [i32]>,
}

/// Sorts rows by user and time; equal times keep their order. The blocks hold nothing of use afterwards.
///
/// Panics where the log has room for other rows than the sound ones, and where a user's number is outside of it.
pub fn sort(run: &impl Parallel, blocks: Vec<Block<'_>>, log: Log<'_>) {
    let users = log.offsets.len() - 1;
    let rows = log.times.len();
    assert!(rows <= i32::MAX as usize, "offsets are 32 bits wide");
    let shift = range_of_users(users, rows).ilog2();
    let ranges = users.div_ceil(1 << shift);
    let blocks: Vec<_> = blocks.into_iter().map(|block| Mutex::new(Ranged { block, starts: vec![] })).collect();
    run.run(blocks.len(), &|i| locked(&blocks[i]).put(ranges, shift));
    let blocks: Vec<_> =
        blocks.into_iter().map(|ranged| ranged.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
    let sizes = (0..ranges).map(|range| blocks.iter().map(|block| block.rows_of(range).len()).sum());
    let parts: Vec<_> = split(log, 1 << shift, sizes.collect()).into_iter().map(Mutex::new).collect();
    run.run(parts.len(), &|range| locked(&parts[range]).fill(&blocks, range, range << shift));
}

/// How many users a range has: a power of two.
fn range_of_users(users: usize, rows: usize) -> usize {
    let wanted = (RANGE_ROWS * users / rows.max(1)).max(1);
    let least = users.div_ceil(MOST_RANGES).next_power_of_two();
    (1 << wanted.ilog2()).max(least)
}

/// Each block and each part is locked once.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A block whose rows are put by ranges of users.
struct Ranged<'a> {
    block: Block<'a>,
    /// Where each range begins, and the end of the last.
    starts: Vec<usize>,
}

impl Ranged<'_> {
    fn rows_of(&self, range: usize) -> std::ops::Range<usize> {
        self.starts[range]..self.starts[range + 1]
    }

    fn rests_of(&self, range: usize) -> Vec<i16> {
        let rows = self.rows_of(range);
        self.block.rests.as_ref().map_or_else(|| vec![0; rows.len()], |rests| rests[rows.clone()].to_vec())
    }

    fn put(&mut self, ranges: usize, shift: u32) {
        let Block { user, faults, times, rests, others } = &mut self.block;
        let mut starts = vec![0; ranges + 1];
        for (&user, _) in user.iter().zip(*faults).filter(|&(_, &fault)| fault == 0) {
            starts[(user as usize >> shift) + 1] += 1;
        }
        for range in 0..ranges {
            starts[range + 1] += starts[range];
        }
        let mut next = starts.clone();
        let places = user
            .iter()
            .zip(*faults)
            .map(|(&user, &fault)| (fault == 0).then(|| take(&mut next[user as usize >> shift])));
        let places: Vec<u32> = places.map(|place| place.map_or(LEFT_OUT, |place| place as u32)).collect();
        permute(user, &places);
        permute(times, &places);
        rests.iter_mut().for_each(|rests| permute(rests, &places));
        others.iter_mut().for_each(|other| permute(other, &places));
        self.starts = starts;
    }
}

const LEFT_OUT: u32 = u32::MAX;

fn permute<T: Copy>(column: &mut [T], places: &[u32]) {
    for (&value, &place) in column.to_vec().iter().zip(places) {
        if place != LEFT_OUT {
            column[place as usize] = value;
        }
    }
}

/// The number, which then is one more.
fn take(next: &mut usize) -> usize {
    *next += 1;
    *next - 1
}

/// A range of users in the log.
struct Part<'a> {
    /// Where its rows begin.
    start: usize,
    /// Where each user's rows end.
    ends: &'a mut [i32],
    times: &'a mut [f64],
    others: Vec<&'a mut [i32]>,
}

/// The log by ranges of `users` users, which have so many rows.
fn split(log: Log<'_>, users: usize, sizes: Vec<usize>) -> Vec<Part<'_>> {
    let Log { offsets, mut times, mut others } = log;
    let (first, ends) = offsets.split_at_mut(1);
    first[0] = 0;
    assert_eq!(sizes.iter().sum::<usize>(), times.len(), "room for the sound rows");
    assert!(others.iter().all(|other| other.len() == times.len()), "columns of one length");
    let mut start = 0;
    let parts = ends.chunks_mut(users).zip(sizes).map(|(ends, size)| {
        start += size;
        let times = times.split_off_mut(..size).unwrap_or_default();
        let others = others.iter_mut().map(|other| other.split_off_mut(..size).unwrap_or_default()).collect();
        Part { start: start - size, ends, times, others }
    });
    parts.collect()
}

impl Part<'_> {
    fn fill(&mut self, blocks: &[Ranged<'_>], range: usize, first_user: usize) {
        let users = || blocks.iter().flat_map(|ranged| &ranged.block.user[ranged.rows_of(range)]);
        let mut next = vec![0; self.ends.len() + 1];
        for &user in users() {
            next[user as usize - first_user + 1] += 1;
        }
        for (user, end) in self.ends.iter_mut().enumerate() {
            next[user + 1] += next[user];
            *end = (self.start + next[user + 1]) as i32;
        }
        let places: Vec<u32> = users().map(|&user| take(&mut next[user as usize - first_user]) as u32).collect();
        scatter(self.times, &places, blocks.iter().map(|ranged| &ranged.block.times[ranged.rows_of(range)]));
        for (i, other) in self.others.iter_mut().enumerate() {
            scatter(other, &places, blocks.iter().map(|ranged| &ranged.block.others[i][ranged.rows_of(range)]));
        }
        let mut rests = vec![];
        if blocks.iter().any(|ranged| ranged.block.rests.is_some()) {
            rests.resize(self.times.len(), 0);
            let written = blocks.iter().flat_map(|ranged| ranged.rests_of(range));
            scatter(&mut rests, &places, [&written.collect::<Vec<_>>()[..]].into_iter());
        }
        self.sort_by_time(&rests);
    }

    fn sort_by_time(&mut self, rests: &[i16]) {
        let (mut keys, mut start) = (vec![], 0);
        for &end in &*self.ends {
            let rows = start..end as usize - self.start;
            start = rows.end;
            let rest = |row| rests.get(row).copied().unwrap_or_default();
            keys.clear();
            keys.extend(rows.clone().map(|row| key(self.times[row], rest(row), row as u32)));
            if keys.is_sorted() {
                continue;
            }
            keys.sort_unstable();
            arrange(&mut self.times[rows.clone()], &keys, rows.start);
            self.others.iter_mut().for_each(|other| arrange(&mut other[rows.clone()], &keys, rows.start));
        }
    }
}

/// Puts values, which come in pieces, into their places.
fn scatter<'a, T: Copy + 'a>(to: &mut [T], mut places: &[u32], pieces: impl Iterator<Item = &'a [T]>) {
    for piece in pieces {
        let (here, later) = places.split_at(piece.len());
        here.iter().zip(piece).for_each(|(&place, &value)| to[place as usize] = value);
        places = later;
    }
}

/// Ordered as times, then rests, then rows; the row is its low half.
fn key(time: f64, rest: i16, row: u32) -> u128 {
    let bits = (time + 0.0).to_bits(); // −0 is 0
    let ordered = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
    u128::from(ordered) << 64 | u128::from(rest as u16 ^ 0x8000) << 32 | u128::from(row)
}

/// Moves a column's rows, the first of which is `start`, into the order of the keys.
fn arrange<T: Copy>(column: &mut [T], keys: &[u128], start: usize) {
    let before = column.to_vec();
    column.iter_mut().zip(keys).for_each(|(to, &key)| *to = before[key as u32 as usize - start]);
}

#[cfg(test)]
mod tests {
    use foci_kernels::Serial;

    use super::*;

    /// Runs even blocks on one thread and odd ones on another, from the last to the first.
    struct TwoThreads;

    #[allow(unsafe_code)]
    // SAFETY: a number is even or odd, and the scope ends after both threads.
    unsafe impl Parallel for TwoThreads {
        fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
            std::thread::scope(|scope| {
                scope.spawn(|| (0..blocks).rev().step_by(2).for_each(body));
                (0..blocks).rev().skip(1).step_by(2).for_each(body);
            });
        }
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Row {
        user: i32,
        fault: u8,
        time: f64,
        rest: i16,
        item: i32,
    }

    /// Rows as a counter says; the item is the row's number.
    fn invented(count: usize, users: usize, times: u32) -> Vec<Row> {
        let bits = |i: usize, draw: u32| {
            ((i as u32 ^ draw << 24).wrapping_mul(0x9e37_79b1) ^ draw).wrapping_mul(0x85eb_ca6b) >> 8
        };
        (0..count)
            .map(|i| Row {
                user: (bits(i, 1) as usize % users) as i32,
                fault: u8::from(bits(i, 2) % 11 == 0),
                time: f64::from(bits(i, 3) % times) - f64::from(times / 2),
                rest: (bits(i, 4) % 3) as i16 - 1,
                item: i as i32,
            })
            .collect()
    }

    /// Offsets, times and two other columns: the standard library's stable sort.
    fn naive(rows: &[Row], users: usize, rests: bool) -> (Vec<i32>, Vec<u64>, Vec<i32>) {
        let mut sound: Vec<Row> = rows.iter().copied().filter(|row| row.fault == 0).collect();
        sound.sort_by(|a, b| {
            let times = a.user.cmp(&b.user).then(a.time.partial_cmp(&b.time).unwrap());
            if rests { times.then(a.rest.cmp(&b.rest)) } else { times }
        });
        let before = |user: usize| sound.iter().filter(|row| (row.user as usize) < user).count() as i32;
        (
            (0..=users).map(before).collect(),
            sound.iter().map(|row| row.time.to_bits()).collect(),
            sound.iter().map(|row| row.item).collect(),
        )
    }

    fn sorted(
        run: &impl Parallel,
        rows: &[Row],
        users: usize,
        rests: bool,
        size: usize,
    ) -> (Vec<i32>, Vec<u64>, Vec<i32>) {
        let ints = |of: fn(&Row) -> i32| rows.iter().map(of).collect::<Vec<_>>();
        let (mut user, mut item, mut negated) = (ints(|row| row.user), ints(|row| row.item), ints(|row| -row.item));
        let mut times: Vec<f64> = rows.iter().map(|row| row.time).collect();
        let mut rest: Vec<i16> = rows.iter().map(|row| row.rest).collect();
        let faults: Vec<u8> = rows.iter().map(|row| row.fault).collect();
        let others = item.chunks_mut(size).zip(negated.chunks_mut(size));
        let timed = times.chunks_mut(size).zip(rest.chunks_mut(size));
        let blocks = user.chunks_mut(size).zip(faults.chunks(size)).zip(timed).zip(others);
        let blocks = blocks.map(|(((user, faults), (times, rest)), (item, negated))| Block {
            user,
            faults,
            times,
            rests: rests.then_some(rest),
            others: vec![item, negated],
        });
        let count = rows.iter().filter(|row| row.fault == 0).count();
        let (mut offsets, mut to, mut items, mut others) =
            (vec![-1; users + 1], vec![0.0; count], vec![0; count], vec![0; count]);
        sort(
            run,
            blocks.collect(),
            Log { offsets: &mut offsets, times: &mut to, others: vec![&mut items, &mut others] },
        );
        assert!(items.iter().zip(&others).all(|(item, other)| *item == -other));
        (offsets, to.iter().map(|time| time.to_bits()).collect(), items)
    }

    #[test]
    fn rows_stand_as_after_a_stable_sort_in_blocks_of_any_size_and_on_any_threads() {
        let most = if cfg!(miri) { 200 } else { 3000 };
        for (count, users, times) in
            [(0, 1, 1), (1, 1, 1), (most, 1, 50), (most, 7, 9), (most, most / 2, 1 << 20), (50, 5000, 3)]
        {
            let rows = invented(count, users, times);
            for rests in [false, true] {
                let expected = naive(&rows, users, rests);
                for size in [1 + count / 7, count + 1] {
                    assert_eq!(sorted(&Serial, &rows, users, rests, size), expected);
                    assert_eq!(sorted(&TwoThreads, &rows, users, rests, size), expected);
                }
            }
        }
    }

    #[test]
    fn zeros_of_either_sign_are_one_time() {
        let row = |time, item| Row { user: 0, fault: 0, time, rest: 0, item };
        let rows = [row(0.0, 0), row(-0.0, 1), row(-1.5, 2), row(0.0, 3), row(1e300, 4), row(-1e300, 5)];
        assert_eq!(sorted(&Serial, &rows, 1, false, 2).2, [5, 2, 0, 1, 3, 4]);
    }

    #[test]
    fn ranges_hold_some_rows_and_are_not_too_many() {
        assert_eq!(range_of_users(1_000_000, 20_000_000), 2048);
        assert_eq!(range_of_users(10, 20_000_000), 1);
        assert_eq!(range_of_users(1 << 27, 1 << 27), 1 << 17);
        assert_eq!(range_of_users(0, 0), 1);
    }

    #[test]
    #[should_panic(expected = "room for the sound rows")]
    fn a_log_with_other_room_is_refused() {
        let (mut user, mut times) = ([0], [1.0]);
        let block = Block { user: &mut user, faults: &[1], times: &mut times, rests: None, others: vec![] };
        sort(&Serial, vec![block], Log { offsets: &mut [0, 0], times: &mut [0.0], others: vec![] });
    }
}
