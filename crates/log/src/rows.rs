//! CSV that is not plain: rows with quotes, dates and faults, record after record. What is broken is counted, and the first told.

use std::fs::File;
use std::io::{BufReader, Read};

use flate2::read::MultiGzDecoder;

use crate::csv::{Block, Layout, Marks};
use crate::records::{Break, Field, Records, Visitor};
use crate::times::{Time, number, time};
use crate::{Numbers, Text};

/// What can be wrong with a row, as `src/read/row-faults.ts` numbers it.
mod fault {
    pub const USER: u8 = 1;
    pub const ITEM: u8 = 2;
    pub const TIMESTAMP: u8 = 3;
    pub const NO_TIME: u8 = 4;
    pub const NOT_FINITE: u8 = 5;
    pub const VALUE: u8 = 10;
}

/// Bytes that are read at a time.
pub(crate) const CHUNK: u64 = 1 << 18;
/// Rows of a block.
pub(crate) const ROWS: usize = 1 << 16;
/// What an id takes beside its text.
pub(crate) const ID: u64 = 24;

/// All that a file holds.
#[derive(Default)]
pub struct Found {
    pub blocks: Vec<Block>,
    /// Ids of each column by number.
    pub ids: Vec<Numbers>,
    /// Blank lines, and records that are not UTF-8, too long, with text behind a quote, with a quote that never closes, or with
    /// another number of fields than the first.
    pub broken: [u32; 6],
    pub first: Option<First>,
}

/// The first that is broken and no blank line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct First {
    /// Where `broken` counts it.
    pub reason: u32,
    pub line: u64,
    /// How many fields it has, and whether the last is empty, where that is what is wrong.
    pub fields: u32,
    pub open: bool,
}

/// The rows of a file; none where it cannot be read, or its rows take more than `most` bytes.
pub fn read(layout: &Layout<'_>, most: u64) -> Option<Found> {
    let file = BufReader::with_capacity(CHUNK as usize, File::open(layout.path).ok()?);
    if layout.gzip { read_from(MultiGzDecoder::new(file), layout, most) } else { read_from(file, layout, most) }
}

fn read_from(mut file: impl Read, layout: &Layout<'_>, most: u64) -> Option<Found> {
    let mut rows = Rows::new(layout, most);
    let mut records = Records::new(layout.delimiter);
    let (mut text, mut begun) = (vec![], false);
    loop {
        let more = file.by_ref().take(CHUNK).read_to_end(&mut text).ok()?;
        if !begun && text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        begun = true;
        let done = records.cut(&text, more == 0, &mut rows);
        if rows.held > most {
            return None;
        }
        if more == 0 {
            return Some(rows.found);
        }
        text.drain(..done);
    }
}

/// Rows in the making.
struct Rows<'a> {
    layout: &'a Layout<'a>,
    headed: bool,
    found: Found,
    /// A quoted field whose quotes are single again.
    scratch: Vec<u8>,
    /// Bytes that rows and ids take.
    held: u64,
    most: u64,
}

impl<'a> Rows<'a> {
    fn new(layout: &'a Layout<'a>, most: u64) -> Self {
        let ids = layout.ids.iter().map(|_| Numbers::default()).collect();
        let found = Found { ids, ..Found::default() };
        Self { layout, headed: false, found, scratch: vec![], held: 0, most }
    }

    fn begin(&mut self) {
        let each = 4 * self.layout.ids.len() + 10 + if self.layout.value.is_some() { 4 } else { 0 };
        self.held += (ROWS * each) as u64;
        self.found.blocks.push(Block {
            ids: ids_of(self.layout.ids.len()),
            times: Vec::with_capacity(ROWS),
            values: self.layout.value.map(|_| Vec::with_capacity(ROWS)),
            marks: Marks { faults: Vec::with_capacity(ROWS), dated: Vec::with_capacity(ROWS), rests: vec![] },
        });
    }

    fn add(&mut self, text: &[u8], fields: &[Field]) {
        if self.found.blocks.last().is_none_or(|block| block.times.len() == ROWS) {
            self.begin();
        }
        let Self { layout, found, scratch, held, .. } = self;
        let Some(block) = found.blocks.last_mut() else { return };
        let mut first = 0;
        let mut blame = |fault: u8| first = if first == 0 { fault } else { first };
        for (place, ((&column, numbers), codes)) in
            layout.ids.iter().zip(&mut found.ids).zip(&mut block.ids).enumerate()
        {
            let code = number_in(numbers, text, fields[column], scratch, held);
            codes.push(code);
            match (code, place) {
                (-1, 0) => blame(fault::USER),
                (-1, 1) => blame(fault::ITEM),
                _ => {} // `src/read` looks at scenes and event types
            }
        }
        let written = bytes_of(text, fields[layout.time], scratch);
        let (number_of, dated) = match time(written) {
            Time::Number(number, rest) => {
                if rest != 0 {
                    block.marks.rests.resize(ROWS, 0);
                    block.marks.rests[block.times.len()] = rest;
                }
                (number, false)
            }
            Time::Date(seconds) => (seconds, true),
            Time::None => (f64::NAN, !is_blank(written)),
        };
        block.times.push(number_of);
        block.marks.dated.push(dated.into());
        match (number_of.is_nan(), dated) {
            (true, true) => blame(fault::NO_TIME),
            (true, false) => blame(fault::TIMESTAMP),
            _ if number_of.is_infinite() => blame(fault::NOT_FINITE),
            _ => {}
        }
        if let (Some(values), Some(column)) = (&mut block.values, layout.value) {
            let written = bytes_of(text, fields[column], scratch);
            let value =
                if is_blank(written) { Some(f64::NAN) } else { number(written).filter(|value| value.is_finite()) };
            values.push(value.unwrap_or(f64::NAN) as f32);
            if value.is_none() {
                blame(fault::VALUE);
            }
        }
        block.marks.faults.push(first);
    }

    fn breaks(&mut self, reason: u32, line: u64, fields: u32, open: bool) {
        self.found.broken[reason as usize] += 1;
        if reason > 0 && self.found.first.is_none() {
            self.found.first = Some(First { reason, line, fields, open });
        }
    }
}

impl Visitor for Rows<'_> {
    fn record(&mut self, text: &[u8], fields: &[Field], line: u64) {
        if !self.headed {
            self.headed = true;
        } else if fields.len() != self.layout.columns {
            let open = fields.last().is_some_and(|field| field.start == field.end);
            self.breaks(5, line, fields.len() as u32, open);
        } else if self.held <= self.most {
            self.add(text, fields);
        }
    }

    fn broken(&mut self, reason: Break, line: u64) {
        self.breaks(reason as u32, line, 0, false);
    }
}

/// Room for a block's ids, a column each.
pub(crate) fn ids_of(columns: usize) -> Vec<Vec<i32>> {
    (0..columns).map(|_| Vec::with_capacity(ROWS)).collect()
}

/// The number of an id, −1 where there is none.
#[inline(always)]
fn number_in(numbers: &mut Numbers, text: &[u8], field: Field, scratch: &mut Vec<u8>, held: &mut u64) -> i32 {
    let Field { start, end, doubled } = field;
    let first = text.get(start).copied().unwrap_or_default();
    if start == end || (first == b' ' && is_blank(&text[start..end])) {
        return -1;
    }
    let known = numbers.len();
    let code = if doubled {
        numbers.number_of(&Text::new(bytes_of(text, field, scratch)))
    } else {
        numbers.number_of(&Text::at(text, start, end - start))
    };
    if numbers.len() > known {
        *held += (end - start) as u64 + ID;
    }
    code
}

fn bytes_of<'t>(text: &'t [u8], Field { start, end, doubled }: Field, scratch: &'t mut Vec<u8>) -> &'t [u8] {
    let written = &text[start..end];
    if !doubled {
        return written;
    }
    scratch.clear();
    let mut after_quote = false;
    for &byte in written {
        after_quote = byte == b'"' && !after_quote;
        if byte != b'"' || after_quote {
            scratch.push(byte);
        }
    }
    scratch
}

/// Whether a text has nothing but spaces.
pub(crate) fn is_blank(written: &[u8]) -> bool {
    written.iter().all(|&byte| byte == b' ')
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::*;

    fn found(text: &str, most: u64) -> Option<Found> {
        let (path, ids) = (Path::new(""), vec![0, 1]);
        let layout = Layout { path, gzip: false, delimiter: b',', columns: 4, ids, time: 2, value: Some(3) };
        read_from(Cursor::new(text), &layout, most)
    }

    #[test]
    fn rows_are_read_and_what_is_none_is_counted() {
        let text = "\u{feff}user,item,timestamp,value\n\"u\"\"1\",\"x, y\",2024-05-01,\n\nu,x,5,1,\n, ,soon,x\nu,\"x\"y,1,2\nu,x,9007199254740993, 2.5 \n";
        let all = found(text, u64::MAX).unwrap();
        let [block] = &all.blocks[..] else { panic!("one block") };
        let texts = |numbers: &Numbers| {
            (0..numbers.len())
                .map(|number| {
                    let mut text = vec![];
                    numbers.write(number, &mut text);
                    String::from_utf8(text).unwrap()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(all.ids.iter().map(texts).collect::<Vec<_>>(), [["u\"1", "u"], ["x, y", "x"]]);
        assert_eq!(block.ids, [[0, -1, 1], [0, -1, 1]]);
        assert_eq!(block.marks.faults, [0, fault::USER, 0]);
        assert_eq!(block.marks.dated, [1, 1, 0]);
        assert_eq!((block.times[0], block.times[2]), (1_714_521_600., 9_007_199_254_740_992.));
        assert_eq!((block.marks.rests[0], block.marks.rests[2]), (0, 1));
        let values = block.values.as_ref().unwrap();
        assert!(values[0].is_nan() && values[1].is_nan() && values[2] == 2.5);
        assert_eq!(all.broken, [1, 0, 0, 1, 0, 1]);
        assert_eq!(all.first, Some(First { reason: 5, line: 4, fields: 5, open: true }));
    }

    #[test]
    fn each_fault_has_its_number() {
        for (row, expected) in [
            (",x,1,", fault::USER),
            ("u,  ,1,", fault::ITEM),
            ("u,x,,", fault::TIMESTAMP),
            ("u,x,soon,", fault::NO_TIME),
            ("u,x,inf,", fault::NOT_FINITE),
            ("u,x,1,x", fault::VALUE),
            ("u,x,1,nan", fault::VALUE),
            ("u,x,1,", 0),
        ] {
            let all = found(&format!("user,item,timestamp,value\n{row}"), u64::MAX).unwrap();
            assert_eq!(all.blocks[0].marks.faults, [expected], "{row}");
        }
    }

    #[test]
    fn no_more_is_held_than_may_be() {
        let text = "user,item,timestamp,value\nu,x,1,2\n";
        let one = (ROWS * (4 * 2 + 10 + 4)) as u64 + 2 * (1 + ID);
        assert!(found(text, one).is_some());
        assert!(found(text, one - 1).is_none());
    }
}
