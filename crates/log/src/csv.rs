//! Plain CSV: lines that whoever cuts them at the delimiters reads alike. What is not plain is left to a reader that knows all
//! of CSV.
//!
//! A window of parts is cut at a time, each on a thread; ids go to bins by their hash. Then each bin's ids are numbered, on a
//! thread again: its table fits the nearest caches, which that of all ids would not. At the end the bins' numbers become one.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use foci_kernels::Parallel;

use crate::source::{Cut, Source};
use crate::times::simple;
use crate::{Numbers, Text};

/// Bytes of a part, and how many are cut before their ids are numbered.
const PART: u64 = 512 << 10;
const WINDOW: usize = 16;
/// The longest line that is plain.
const LINE: u64 = 64 << 10;
/// Behind the bytes of a part, so that words are read beyond their end.
const PADDING: usize = 16;
const BINS: usize = 16;
/// Ids that are numbered together.
const BATCH: usize = 256;

/// A file whose first line names the columns, and which of them are read.
pub struct Layout<'a> {
    pub path: &'a Path,
    /// Whether the file is the text's gzip archive.
    pub gzip: bool,
    pub delimiter: u8,
    pub columns: usize,
    /// Ids, which are texts with something other than spaces at their beginning.
    pub ids: Vec<usize>,
    /// Numbers: up to fifteen digits, with or without a fraction.
    pub time: usize,
    /// The same, or nothing.
    pub value: Option<usize>,
}

/// Rows in the order of the file, in blocks, and the ids of each column by number.
#[derive(Default)]
pub struct Rows {
    pub blocks: Vec<Block>,
    pub ids: Vec<Numbers>,
}

#[derive(Default)]
pub struct Block {
    /// Numbers of ids, a column each.
    pub ids: Vec<Vec<i32>>,
    pub times: Vec<f64>,
    /// NaN where there is none.
    pub values: Option<Vec<f32>>,
    /// Of rows that may have a fault, or a date for a time; empty where none may.
    pub marks: Marks,
}

#[derive(Default)]
pub struct Marks {
    /// The first thing found wrong with each row, as `src/read/row-faults.ts` numbers it.
    pub faults: Vec<u8>,
    /// Whether the time is a date.
    pub dated: Vec<u8>,
    /// What whole numbers beyond the doubles' precision exceed `times` by; empty where all are 0.
    pub rests: Vec<i16>,
}

/// What a block's times lie between, and whether all are whole numbers of 32 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub least: f64,
    pub most: f64,
    pub whole: bool,
}

impl Block {
    pub fn limits(&self) -> Limits {
        let none = Limits { least: f64::INFINITY, most: f64::NEG_INFINITY, whole: true };
        self.times.iter().fold(none, |Limits { least, most, whole }, &time| Limits {
            least: least.min(time),
            most: most.max(time),
            whole: whole & (f64::from(time as i32) == time),
        })
    }
}

/// The rows of a file; none where it is not plain throughout, cannot be read, or holds no row.
pub fn read(run: &impl Parallel, layout: &Layout<'_>) -> Option<Rows> {
    read_parts(run, layout, PART)
}

fn read_parts(run: &impl Parallel, layout: &Layout<'_>, size: u64) -> Option<Rows> {
    let cut = Cut { part: size, over: LINE };
    let mut source = Source::open(layout.path, layout.gzip, cut).ok()?;
    let fields = layout.ids.len();
    let numberings: Vec<_> = (0..fields * BINS).map(|_| Mutex::new(Numbering::default())).collect();
    let mut slots: Vec<_> = (0..WINDOW).map(|_| RwLock::new(Slot::new(fields))).collect();
    let mut blocks = vec![];
    loop {
        let first = blocks.len();
        u32::try_from(first + WINDOW).ok()?;
        let buffers = slots.iter_mut().map(|slot| &mut unlocked(slot).buffer);
        let count = source.next(first, cut, buffers).ok()?;
        if count == 0 {
            break;
        }
        let slots = &slots[..count];
        let odd = AtomicBool::new(false);
        run.run(count, &|i| {
            let mut slot = slots[i].write().unwrap_or_else(PoisonError::into_inner);
            odd.fetch_or(slot.take(layout, &source, first + i, cut).is_none(), Ordering::Relaxed);
        });
        if odd.into_inner() {
            return None;
        }
        run.run(numberings.len(), &|i| locked(&numberings[i]).number(slots, first, i));
        run.run(count, &|i| slots[i].write().unwrap_or_else(PoisonError::into_inner).place_codes());
        let taken =
            slots.iter().map(|slot| std::mem::take(&mut slot.write().unwrap_or_else(PoisonError::into_inner).block));
        blocks.extend(taken);
    }
    let mut numberings = numberings.into_iter().map(|each| each.into_inner().unwrap_or_else(PoisonError::into_inner));
    let columns = (0..fields).map(|_| numberings.by_ref().take(BINS).collect()).collect();
    let rows = join(run, blocks, columns);
    rows.blocks.iter().any(|block| !block.times.is_empty()).then_some(rows)
}

/// Nobody waits: each lock is one thread's at a time.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unlocked<T>(lock: &mut RwLock<T>) -> &mut T {
    lock.get_mut().unwrap_or_else(PoisonError::into_inner)
}

/// A part of the window.
struct Slot {
    file: Option<File>,
    buffer: Vec<u8>,
    /// A column's ids by their hash: [fields × `BINS`].
    bins: Vec<Mutex<Bin>>,
    block: Block,
}

#[derive(Default)]
struct Bin {
    /// Head and tail of each text; of a long one the tail is where it begins in the buffer.
    keys: Vec<(u64, u64)>,
    rows: Vec<u32>,
    codes: Vec<i32>,
}

impl Slot {
    fn new(fields: usize) -> Self {
        let bins = (0..fields * BINS).map(|_| Mutex::default()).collect();
        Self { file: None, buffer: vec![], bins, block: Block::default() }
    }

    /// Takes a part's rows into the block; none where its lines are not plain.
    fn take(&mut self, layout: &Layout<'_>, source: &Source<'_>, part: usize, cut: Cut) -> Option<()> {
        source.read(part, cut, &mut self.file, &mut self.buffer).ok()?;
        let (lines, rows) = self.lines(part, cut)?;
        self.cut(layout, lines, rows)
    }

    /// Where the lines that begin in the part are, and how many; none where they are not plain.
    fn lines(&mut self, part: usize, cut: Cut) -> Option<(Range<usize>, usize)> {
        if (self.buffer.len() as u64) < cut.whole(part) && self.buffer.last() != Some(&b'\n') {
            self.buffer.push(b'\n');
        }
        let after_line =
            |from: usize| Some(from + self.buffer.get(from..)?.iter().position(|&byte| byte == b'\n')? + 1);
        let first = after_line(0)?;
        let last = (cut.before(part) + cut.part) as usize - 1;
        let end = if last < self.buffer.len() { after_line(last)? } else { self.buffer.len() };
        let header = if part == 0 { 0 } else { first.min(end) };
        let lines = plain_lines(&self.buffer[header..end])? - usize::from(part == 0);
        self.buffer.truncate(end);
        self.buffer.resize(end + PADDING, b'\n');
        Some((first.min(end)..end, lines))
    }

    /// Cuts lines into a block, whose ids go to the bins.
    fn cut(&mut self, layout: &Layout<'_>, lines: Range<usize>, rows: usize) -> Option<()> {
        let Self { buffer, bins, block, .. } = self;
        let mut bins: Vec<_> =
            bins.iter_mut().map(|bin| bin.get_mut().unwrap_or_else(PoisonError::into_inner)).collect();
        for bin in &mut bins {
            bin.keys.clear();
            bin.rows.clear();
            bin.keys.reserve(rows.div_ceil(BINS));
            bin.rows.reserve(rows.div_ceil(BINS));
        }
        *block = Block {
            ids: vec![vec![0; rows]; layout.ids.len()],
            times: Vec::with_capacity(rows),
            values: layout.value.map(|_| Vec::with_capacity(rows)),
            marks: Marks::default(),
        };
        let mut fields = vec![0..0; layout.columns];
        let mut at = lines.start;
        for row in 0..rows {
            at = layout.cut(buffer, at, &mut fields)?;
            for (bins, &column) in bins.chunks_mut(BINS).zip(&layout.ids) {
                let field = &fields[column];
                if buffer[field.start] <= b' ' || field.is_empty() {
                    return None;
                }
                let text = Text::at(buffer, field.start, field.len());
                let bin = &mut bins[text.hash() as usize >> 28];
                bin.keys.push((text.head, if text.long.is_empty() { text.tail } else { field.start as u64 }));
                bin.rows.push(row as u32);
            }
            block.times.push(simple(&buffer[fields[layout.time].clone()])?);
            if let (Some(values), Some(column)) = (&mut block.values, layout.value) {
                let written = &buffer[fields[column].clone()];
                values.push(if written.is_empty() { f32::NAN } else { simple(written)? as f32 });
            }
        }
        Some(())
    }

    fn place_codes(&mut self) {
        for (bins, codes) in self.bins.chunks_mut(BINS).zip(&mut self.block.ids) {
            for bin in bins {
                let Bin { rows, codes: numbered, .. } = bin.get_mut().unwrap_or_else(PoisonError::into_inner);
                rows.iter().zip(&*numbered).for_each(|(&row, &code)| codes[row as usize] = code);
            }
        }
    }
}

/// Numbers of the ids in one bin of a column.
#[derive(Default)]
struct Numbering {
    numbers: Numbers,
    /// The part and the row in it where each id stands first.
    firsts: Vec<(u32, u32)>,
}

impl Numbering {
    /// Numbers the ids of one bin; a code tells the bin too.
    fn number(&mut self, slots: &[RwLock<Slot>], first: usize, at: usize) {
        for (part, slot) in (first as u32..).zip(slots) {
            let slot = slot.read().unwrap_or_else(PoisonError::into_inner);
            let Bin { keys, rows, codes } = &mut *locked(&slot.bins[at]);
            codes.resize(keys.len(), 0);
            let mut texts = [Text::default(); BATCH];
            for ((keys, rows), codes) in keys.chunks(BATCH).zip(rows.chunks(BATCH)).zip(codes.chunks_mut(BATCH)) {
                for (text, &(head, tail)) in texts.iter_mut().zip(keys) {
                    *text = Text::kept(head, tail, &slot.buffer);
                }
                self.numbers.number(&texts[..keys.len()], codes);
                for (&row, code) in rows.iter().zip(codes) {
                    if *code as usize == self.firsts.len() {
                        self.firsts.push((part, row));
                    }
                    *code = *code * BINS as i32 + (at % BINS) as i32;
                }
            }
        }
    }
}

/// How many lines a text has; none where a byte has a meaning beyond itself: a quote, \r or another control character, invalid
/// UTF-8.
fn plain_lines(text: &[u8]) -> Option<usize> {
    let (mut lines, mut odd, mut high) = (0, 0, 0);
    for some in text.chunks(128) {
        let mut ends = 0;
        for &byte in some {
            ends += u8::from(byte == b'\n');
            odd |= u8::from(byte == b'"') | u8::from(byte < b' ' && byte != b'\n' && byte != b'\t');
            high |= byte;
        }
        lines += usize::from(ends);
    }
    (odd == 0 && (high.is_ascii() || std::str::from_utf8(text).is_ok())).then_some(lines)
}

impl Layout<'_> {
    /// Cuts the line at `at` into its fields, and gives where the next begins; none where it has more or fewer of them.
    #[inline(always)]
    fn cut(&self, buffer: &[u8], mut at: usize, fields: &mut [std::ops::Range<usize>]) -> Option<usize> {
        let last = fields.len() - 1;
        for (i, field) in fields.iter_mut().enumerate() {
            let end = find(buffer, at, self.delimiter)?;
            let wanted = if i == last { b'\n' } else { self.delimiter };
            if buffer[end] != wanted {
                return None;
            }
            *field = at..end;
            at = end + 1;
        }
        Some(at)
    }
}

/// Where the next delimiter or line end is; sixteen bytes at a time, for the end of a short field is a branch badly foretold.
#[inline(always)]
fn find(buffer: &[u8], mut at: usize, delimiter: u8) -> Option<usize> {
    const EACH: u64 = u64::MAX / 255;
    // The lowest bit of it is that of the first zero byte.
    let zeros = |word: u64| word.wrapping_sub(EACH) & !word & (EACH << 7);
    let ends = |word: u64| zeros(word ^ (EACH * u64::from(delimiter))) | zeros(word ^ (EACH * u64::from(b'\n')));
    loop {
        let words = u128::from_le_bytes(*buffer.get(at..)?.first_chunk()?);
        let found = u128::from(ends(words as u64)) | u128::from(ends((words >> 64) as u64)) << 64;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 16;
    }
}

/// The blocks with the numbers of all ids, by first appearance in the file.
fn join(run: &impl Parallel, blocks: Vec<Block>, columns: Vec<Vec<Numbering>>) -> Rows {
    let joined: Vec<_> = columns.iter().map(|_| Mutex::new((Numbers::default(), vec![]))).collect();
    run.run(joined.len(), &|i| *locked(&joined[i]) = join_column(&columns[i]));
    let joined = joined.into_iter().map(|column| column.into_inner().unwrap_or_else(PoisonError::into_inner));
    let (ids, numbers): (Vec<_>, Vec<_>) = joined.unzip();
    let blocks: Vec<_> = blocks.into_iter().map(Mutex::new).collect();
    run.run(blocks.len(), &|at| {
        for (codes, numbers) in locked(&blocks[at]).ids.iter_mut().zip(&numbers) {
            codes.iter_mut().for_each(|code| *code = numbers[*code as usize]);
        }
    });
    let blocks = blocks.into_iter().map(|block| block.into_inner().unwrap_or_else(PoisonError::into_inner));
    Rows { blocks: blocks.collect(), ids }
}

/// A column's ids, and the number of each code.
fn join_column(bins: &[Numbering]) -> (Numbers, Vec<i32>) {
    let most = bins.iter().map(|bin| bin.firsts.len()).max().unwrap_or(0);
    let all = bins.iter().enumerate().flat_map(|(i, bin)| {
        bin.firsts.iter().enumerate().map(move |(number, &(part, row))| (part, row, (number * BINS + i) as u32))
    });
    let mut order: Vec<_> = all.collect();
    order.sort_unstable();
    let (mut ids, mut numbers) = (Numbers::default(), vec![0; most * BINS]);
    for (number, (.., code)) in order.into_iter().enumerate() {
        let code = code as usize;
        numbers[code] = number as i32;
        ids.add(&bins[code % BINS].numbers.text(code / BINS));
    }
    (ids, numbers)
}

#[cfg(test)]
mod tests;
