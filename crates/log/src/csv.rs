//! Plain CSV: lines that whoever cuts them at the delimiters reads alike. Several lanes read a file's parts and number ids
//! each for itself; then the lanes' numbers become one. What is not plain is left to a reader that knows all of CSV.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use foci_kernels::Parallel;

use crate::{Numbers, Text};

/// Bytes that are read at a time, and the longest line that is plain.
const PART: u64 = 2 << 20;
const LINE: u64 = 64 << 10;
/// Behind the bytes of a part, so that words are read beyond their end.
const PADDING: usize = 16;
/// Rows whose ids are numbered together.
const BATCH: usize = 1024;

/// A file whose first line names the columns, and which of them are read.
pub struct Layout<'a> {
    pub path: &'a Path,
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
}

/// The rows of a file; none where it is not plain throughout, cannot be read, or holds no row.
pub fn read(run: &impl Parallel, lanes: usize, layout: &Layout<'_>) -> Option<Rows> {
    read_parts(run, lanes, layout, PART)
}

fn read_parts(run: &impl Parallel, lanes: usize, layout: &Layout<'_>, part: u64) -> Option<Rows> {
    let size = File::open(layout.path).and_then(|file| file.metadata()).ok()?.len();
    let parts = usize::try_from(size.div_ceil(part)).ok()?;
    let (next, odd) = (AtomicUsize::new(0), AtomicBool::new(false));
    let done: Vec<_> = (0..lanes.clamp(1, parts.max(1))).map(|_| Mutex::new(None)).collect();
    run.run(done.len(), &|lane| {
        let take =
            || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&at| at < parts && !odd.load(Ordering::Relaxed));
        let read = Lane::new(layout, part).and_then(|mut lane| {
            std::iter::from_fn(take).try_for_each(|at| lane.read(at))?;
            Some(lane)
        });
        odd.fetch_or(read.is_none(), Ordering::Relaxed);
        *done[lane].lock().unwrap_or_else(PoisonError::into_inner) = read;
    });
    let lanes: Option<Vec<_>> =
        done.into_iter().map(|lane| lane.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
    let rows = join(run, lanes?, layout.ids.len());
    rows.blocks.iter().any(|block| !block.times.is_empty()).then_some(rows)
}

/// Ids of one column as a lane numbered them.
#[derive(Default)]
struct Column {
    numbers: Numbers,
    /// The part and the row in it where each id stands first.
    firsts: Vec<(u32, u32)>,
}

/// Reads parts in the order of the file.
struct Lane<'a> {
    layout: &'a Layout<'a>,
    file: File,
    part: u64,
    buffer: Vec<u8>,
    columns: Vec<Column>,
    blocks: Vec<(usize, Block)>,
}

impl<'a> Lane<'a> {
    fn new(layout: &'a Layout<'a>, part: u64) -> Option<Self> {
        let columns = layout.ids.iter().map(|_| Column::default()).collect();
        Some(Self { layout, file: File::open(layout.path).ok()?, part, buffer: vec![], columns, blocks: vec![] })
    }

    /// Reads the lines that begin in a part; none where one of them is not plain.
    fn read(&mut self, at: usize) -> Option<()> {
        let bounds = self.load(at)?;
        let header = if at == 0 { 0 } else { bounds.start };
        let rows = plain_lines(&self.buffer[header..bounds.end])? - usize::from(at == 0);
        let block = self.layout.parse(&self.buffer, bounds, rows, &mut self.columns, u32::try_from(at).ok()?)?;
        self.blocks.push((at, block));
        Some(())
    }

    /// Puts a part into the buffer, and gives where its lines are. A line belongs to the part that it begins in.
    fn load(&mut self, at: usize) -> Option<std::ops::Range<usize>> {
        let before = u64::from(at > 0); // the byte that may end the line before
        let start = at as u64 * self.part - before;
        self.file.seek(SeekFrom::Start(start)).ok()?;
        self.buffer.clear();
        let wanted = before + self.part + LINE;
        let read = (&mut self.file).take(wanted).read_to_end(&mut self.buffer).ok()?;
        if (read as u64) < wanted && self.buffer.last() != Some(&b'\n') {
            self.buffer.push(b'\n');
        }
        let after_line =
            |from: usize| Some(from + self.buffer.get(from..)?.iter().position(|&byte| byte == b'\n')? + 1);
        let first = after_line(0)?;
        let last = (before + self.part) as usize - 1;
        let end = if last < self.buffer.len() { after_line(last)? } else { self.buffer.len() };
        self.buffer.truncate(end);
        self.buffer.resize(end + PADDING, b'\n');
        Some(first.min(end)..end)
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
    fn parse(
        &self,
        buffer: &[u8],
        lines: std::ops::Range<usize>,
        rows: usize,
        columns: &mut [Column],
        part: u32,
    ) -> Option<Block> {
        let mut block = Block {
            ids: vec![vec![0; rows]; columns.len()],
            times: Vec::with_capacity(rows),
            values: self.value.map(|_| Vec::with_capacity(rows)),
        };
        let mut fields = vec![0..0; self.columns];
        let mut texts = vec![[Text::default(); BATCH]; columns.len()];
        let mut at = lines.start;
        for first in (0..rows).step_by(BATCH) {
            let count = BATCH.min(rows - first);
            for row in 0..count {
                at = self.cut(buffer, at, &mut fields)?;
                for (texts, &column) in texts.iter_mut().zip(&self.ids) {
                    let field = &fields[column];
                    if buffer[field.start] <= b' ' || field.is_empty() {
                        return None;
                    }
                    texts[row] = Text::at(buffer, field.start, field.len());
                }
                block.times.push(number(&buffer[fields[self.time].clone()])?);
                if let (Some(values), Some(column)) = (&mut block.values, self.value) {
                    let written = &buffer[fields[column].clone()];
                    values.push(if written.is_empty() { f32::NAN } else { number(written)? as f32 });
                }
            }
            for ((column, texts), codes) in columns.iter_mut().zip(&texts).zip(&mut block.ids) {
                column.number(&texts[..count], &mut codes[first..first + count], part, first as u32);
            }
        }
        Some(block)
    }

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

/// Where the next delimiter or line end is; eight bytes at a time.
#[inline(always)]
fn find(buffer: &[u8], mut at: usize, delimiter: u8) -> Option<usize> {
    const EACH: u64 = u64::MAX / 255;
    // The lowest bit of it is that of the first zero byte.
    let zeros = |word: u64| word.wrapping_sub(EACH) & !word & (EACH << 7);
    loop {
        let word = u64::from_le_bytes(*buffer.get(at..)?.first_chunk()?);
        let found = zeros(word ^ (EACH * u64::from(delimiter))) | zeros(word ^ (EACH * u64::from(b'\n')));
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
}

/// A number of up to fifteen digits without a sign or zeros before it, with or without a fraction: doubles hold the whole
/// ones, and one division rounds the others once.
#[inline(always)]
fn number(written: &[u8]) -> Option<f64> {
    if written.len() > 16 || (written.len() > 1 && written[0] == b'0' && written[1] != b'.') {
        return None;
    }
    let (mut digits, mut point) = (0u64, None);
    for (i, &byte) in written.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && i > 0 => point = Some(i),
            _ => return None,
        }
    }
    let count = written.len() - usize::from(point.is_some());
    let decimals = point.map_or(0, |point| written.len() - 1 - point);
    let sound = (1..=15).contains(&count) && (point.is_none() || decimals > 0);
    sound.then(|| if decimals == 0 { digits as f64 } else { digits as f64 / POWERS[decimals] })
}

const POWERS: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

impl Column {
    fn number(&mut self, texts: &[Text<'_>], codes: &mut [i32], part: u32, first: u32) {
        self.numbers.number(texts, codes);
        for (row, &code) in (first..).zip(&*codes) {
            if code as usize == self.firsts.len() {
                self.firsts.push((part, row));
            }
        }
    }
}

/// The lanes' blocks in the order of the file, numbered alike.
fn join(run: &impl Parallel, lanes: Vec<Lane<'_>>, fields: usize) -> Rows {
    let columns: Vec<_> =
        (0..fields).map(|i| Mutex::new((lanes.iter().map(|lane| &lane.columns[i]).collect(), None))).collect();
    run.run(fields, &|i| {
        let (lanes, joined): &mut (Vec<&Column>, _) = &mut columns[i].lock().unwrap_or_else(PoisonError::into_inner);
        *joined = Some(join_column(lanes));
    });
    let joined = columns.into_iter().map(|column| column.into_inner().unwrap_or_else(PoisonError::into_inner).1);
    let (ids, maps): (Vec<_>, Vec<_>) = joined.map(Option::unwrap_or_default).unzip();
    let mut blocks: Vec<_> = lanes
        .into_iter()
        .enumerate()
        .flat_map(|(i, lane)| lane.blocks.into_iter().map(move |(at, block)| (at, i, block)))
        .collect();
    blocks.sort_unstable_by_key(|&(at, ..)| at);
    let blocks: Vec<_> = blocks.into_iter().map(|(_, lane, block)| Mutex::new((lane, block))).collect();
    run.run(blocks.len(), &|at| {
        let (lane, block) = &mut *blocks[at].lock().unwrap_or_else(PoisonError::into_inner);
        for (codes, maps) in block.ids.iter_mut().zip(&maps) {
            codes.iter_mut().for_each(|code| *code = maps[*lane][*code as usize]);
        }
    });
    let blocks = blocks.into_iter().map(|block| block.into_inner().unwrap_or_else(PoisonError::into_inner).1);
    Rows { blocks: blocks.collect(), ids }
}

/// One numbering by first appearance in the file, and each lane's numbers in it.
fn join_column(lanes: &[&Column]) -> (Numbers, Vec<Vec<i32>>) {
    let mut numbers = Numbers::default();
    let mut maps: Vec<Vec<i32>> = lanes.iter().map(|lane| Vec::with_capacity(lane.firsts.len())).collect();
    let mut next = vec![0; lanes.len()];
    let mut first = || {
        let waiting = (0..lanes.len()).filter(|&lane| next[lane] < lanes[lane].firsts.len());
        let lane = waiting.min_by_key(|&lane| lanes[lane].firsts[next[lane]])?;
        next[lane] += 1;
        Some((lane, lanes[lane].numbers.text(next[lane] - 1)))
    };
    loop {
        let (owners, texts): (Vec<_>, Vec<_>) = std::iter::from_fn(&mut first).take(BATCH).unzip();
        if texts.is_empty() {
            return (numbers, maps);
        }
        let mut codes = [0; BATCH];
        numbers.number(&texts, &mut codes[..texts.len()]);
        owners.into_iter().zip(codes).for_each(|(lane, code)| maps[lane].push(code));
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::AtomicU32;

    use foci_kernels::Serial;

    use super::*;

    /// A file of the test's own, gone after it.
    struct Written(PathBuf);

    impl Written {
        fn new(bytes: &[u8]) -> Self {
            static FILES: AtomicU32 = AtomicU32::new(0);
            let number = FILES.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("foci-log-{}-{number}.csv", std::process::id()));
            std::fs::write(&path, bytes).unwrap();
            Self(path)
        }

        fn read(&self, lanes: usize, part: u64, value: Option<usize>) -> Option<Rows> {
            let columns = 3 + usize::from(value.is_some());
            let layout = Layout { path: &self.0, delimiter: b',', columns, ids: vec![0, 1], time: 2, value };
            read_parts(&Lanes, lanes, &layout, part)
        }
    }

    impl Drop for Written {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    /// A thread for each block.
    struct Lanes;

    #[allow(unsafe_code)]
    // SAFETY: a range gives each number once, and the scope ends after all threads.
    unsafe impl Parallel for Lanes {
        fn run(&self, blocks: usize, body: &(dyn Fn(usize) + Sync)) {
            std::thread::scope(|scope| (0..blocks).for_each(|block| drop(scope.spawn(move || body(block)))));
        }
    }

    /// User, item, time and value of each row, with ids by their numbers, and the ids.
    type Found = (Vec<(i32, i32, u64, u32)>, Vec<Vec<String>>);

    fn found(rows: &Rows) -> Found {
        let row = |block: &Block, i: usize| {
            let value = block.values.as_ref().map_or(0, |values| values[i].to_bits());
            (block.ids[0][i], block.ids[1][i], block.times[i].to_bits(), value)
        };
        let texts = |numbers: &Numbers| {
            let mut bytes = vec![vec![]; numbers.len()];
            bytes.iter_mut().enumerate().for_each(|(number, bytes)| numbers.write(number, bytes));
            bytes.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
        };
        let all = rows.blocks.iter().flat_map(|block| (0..block.times.len()).map(move |i| row(block, i)));
        (all.collect(), rows.ids.iter().map(texts).collect())
    }

    /// The same from one line after the other.
    fn naive(text: &str) -> Found {
        let mut ids = vec![vec![], vec![]];
        let mut number = |column: usize, id: &str| {
            let known = ids[column].iter().position(|each| each == id);
            known.unwrap_or_else(|| {
                ids[column].push(id.to_owned());
                ids[column].len() - 1
            }) as i32
        };
        let rows = text.lines().skip(1).map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let value = fields.get(3).map_or(0, |value| value.parse().unwrap_or(f32::NAN).to_bits());
            (number(0, fields[0]), number(1, fields[1]), fields[2].parse::<f64>().unwrap().to_bits(), value)
        });
        (rows.collect(), ids)
    }

    fn invented(rows: u32) -> String {
        let lines = (0..rows).map(|i| {
            let bits = i.wrapping_mul(0x9e37_79b1) >> 5;
            let item = ["ü", "x", "a name of more than twelve bytes", "b "][bits as usize % 4];
            format!("user-{},{item}{},{},{}\n", bits % 97, bits % 13, bits, ["", "0.25", "3"][bits as usize % 3])
        });
        format!("user,item,timestamp,value\n{}", lines.collect::<String>())
    }

    #[test]
    fn rows_are_those_of_the_lines_in_parts_of_any_size_and_on_any_threads() {
        let text = invented(if cfg!(miri) { 40 } else { 400 });
        for text in [&text[..], text.trim_end_matches('\n'), "user,item,timestamp,value\na,b,1,2"] {
            let (file, expected) = (Written::new(text.as_bytes()), naive(text));
            for part in [1, 30, 1000, text.len() as u64 - 1, text.len() as u64, 1 << 20] {
                if cfg!(miri) && part == 1 {
                    continue;
                }
                for lanes in [1, 2, 3] {
                    assert_eq!(
                        found(&file.read(lanes, part, Some(3)).unwrap()),
                        expected,
                        "{part} bytes, {lanes} lanes"
                    );
                }
            }
        }
    }

    #[test]
    fn more_rows_than_are_numbered_together() {
        let text = invented(2 * BATCH as u32 + 1);
        let layout = |path| Layout { path, delimiter: b',', columns: 4, ids: vec![0, 1], time: 2, value: Some(3) };
        let file = Written::new(text.as_bytes());
        assert_eq!(found(&read(&Serial, 4, &layout(&file.0)).unwrap()), naive(&text));
    }

    #[test]
    fn what_is_not_plain_is_left_to_others() {
        let sound = "user,item,timestamp\na,b,1\n";
        assert!(Written::new(sound.as_bytes()).read(2, 8, None).is_some());
        let ends = [
            "\"a\",b,1\n",
            "a,b,1\r\n",
            "a,b,1\r",
            "\n",
            "a,b\n",
            "a,b,1,2\n",
            "a,,1\n",
            ",b,1\n",
            " a,b,1\n",
            "a, ,1\n",
            "a,b,\n",
            "a,b,x\n",
            "a,b,-1\n",
            "a,b,+1\n",
            "a,b,1e3\n",
            "a,b,01\n",
            "a,b,.5\n",
            "a,b,5.\n",
            "a,b,1.2.3\n",
            "a,b, 1\n",
            "a,b,1234567890123456\n",
            "a\0,b,1\n",
            "a,b,2024-01-01\n",
            "a,b,inf\n",
        ];
        for end in ends {
            for part in [8, 1 << 20] {
                assert!(Written::new(format!("{sound}{end}").as_bytes()).read(2, part, None).is_none(), "{end:?}");
            }
        }
        assert!(Written::new(&[sound.as_bytes(), b"\xff,b,1\n"].concat()).read(1, 64, None).is_none());
        assert!(Written::new(b"user,item,timestamp\n").read(1, 64, None).is_none());
        assert!(Written::new(b"").read(1, 64, None).is_none());
        assert!(
            Written::new(format!("{sound}{},b,1\n", "a".repeat(2 * LINE as usize)).as_bytes())
                .read(1, 64, None)
                .is_none()
        );
        let layout = Layout {
            path: Path::new("no such file"),
            delimiter: b',',
            columns: 3,
            ids: vec![0, 1],
            time: 2,
            value: None,
        };
        assert!(read(&Serial, 1, &layout).is_none());
    }

    #[test]
    fn numbers_are_rounded_once() {
        for text in
            ["0", "7", "0.1", "123456789.012345", "999999999999999", "0.00000000000001", "1700000000.25", "0.30"]
        {
            assert_eq!(number(text.as_bytes()).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits), "{text}");
        }
    }
}
