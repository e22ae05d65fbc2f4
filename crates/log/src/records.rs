//! Text cut into records as RFC 4180 has them, and `src/read/files/records.ts`; lines end in \n, \r\n or \r. Every byte belongs
//! to one record or to one break. Where quotes do not fit their first line is broken, and the next one is read.

/// Longest record, in bytes.
pub const LIMIT: usize = 2_000_000;

/// Why something is no record: all are one line, but for a record in quotes that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Break {
    Blank,
    Unicode,
    Long,
    Behind,
    Unclosed,
}

/// A field of a record, within the text.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub start: usize,
    pub end: usize,
    /// Whether quotes stand for themselves in pairs.
    pub doubled: bool,
}

/// Sees what stands in a text, in its order, and the line that it begins on.
pub trait Visitor {
    fn record(&mut self, text: &[u8], fields: &[Field], line: u64);
    fn broken(&mut self, reason: Break, line: u64);
}

/// What the cutting of a text goes on from.
pub struct Records {
    delimiter: u8,
    line: u64,
    /// Within a line that is too long.
    skipping: bool,
    fields: Vec<Field>,
}

impl Records {
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter, line: 1, skipping: false, fields: vec![] }
    }

    /// Cuts what is there of a text, and gives how much of it is done with: what follows is given again, with more behind it.
    pub fn cut(&mut self, text: &[u8], last: bool, visitor: &mut impl Visitor) -> usize {
        let mut at = 0;
        while at < text.len() {
            let next = if self.skipping { self.skip(text, at, last) } else { self.next(text, at, last, visitor) };
            let Some(next) = next else { break };
            at = next;
        }
        at
    }

    /// Takes what begins at `start`, and gives where the next begins; none where more of the text decides.
    #[inline(always)]
    fn next(&mut self, text: &[u8], start: usize, last: bool, visitor: &mut impl Visitor) -> Option<usize> {
        self.fields.clear();
        let (mut at, mut lines) = (start, 1);
        loop {
            let end = if text.get(at) == Some(&b'"') {
                let Some((close, doubled)) = closing(text, at + 1) else {
                    return self.unfinished(text, start, last, visitor);
                };
                lines += lines_in(&text[at + 1..close]);
                self.fields.push(Field { start: at + 1, end: close, doubled });
                close + 1
            } else {
                let end = end_of_field(text, at, self.delimiter);
                self.fields.push(Field { start: at, end, doubled: false });
                end
            };
            match text.get(end) {
                None if !last => return self.unfinished(text, start, last, visitor),
                Some(&byte) if byte == self.delimiter => at = end + 1,
                None | Some(b'\n' | b'\r') => return self.taken(text, start..end, lines, last, visitor),
                Some(_) => return self.break_line(text, start, last, Break::Behind, visitor),
            }
        }
    }

    /// The text ends, or more of it decides; of a record that is too long it does not.
    #[cold]
    fn unfinished(&mut self, text: &[u8], start: usize, last: bool, visitor: &mut impl Visitor) -> Option<usize> {
        let long = text.len() - start > LIMIT;
        if !last && !long {
            return None;
        }
        if end_of_line(text, start) < text.len() || last {
            return self.break_line(text, start, last, Break::Unclosed, visitor);
        }
        self.skipping = true;
        Some(self.broken(Break::Long, text.len(), visitor))
    }

    #[inline(always)]
    fn taken(
        &mut self,
        text: &[u8],
        record: std::ops::Range<usize>,
        lines: u64,
        last: bool,
        visitor: &mut impl Visitor,
    ) -> Option<usize> {
        let next = after(text, record.end, last)?;
        if record.len() > LIMIT {
            let reason = if lines > 1 { Break::Unclosed } else { Break::Long };
            return self.break_line(text, record.start, last, reason, visitor);
        }
        if record.is_empty() {
            return Some(self.broken(Break::Blank, next, visitor));
        }
        let written = &text[record];
        if written.is_ascii() || std::str::from_utf8(written).is_ok() {
            visitor.record(text, &self.fields, self.line);
        } else {
            visitor.broken(Break::Unicode, self.line);
        }
        self.line += lines;
        Some(next)
    }

    /// Breaks the line that begins at `start`.
    #[cold]
    fn break_line(
        &mut self,
        text: &[u8],
        start: usize,
        last: bool,
        reason: Break,
        visitor: &mut impl Visitor,
    ) -> Option<usize> {
        let next = after(text, end_of_line(text, start), last)?;
        Some(self.broken(reason, next, visitor))
    }

    fn broken(&mut self, reason: Break, next: usize, visitor: &mut impl Visitor) -> usize {
        visitor.broken(reason, self.line);
        self.line += 1;
        next
    }

    /// Passes over the rest of a line that is too long, which has been told.
    fn skip(&mut self, text: &[u8], start: usize, last: bool) -> Option<usize> {
        let end = end_of_line(text, start);
        if end == text.len() {
            return Some(end);
        }
        let next = after(text, end, last)?;
        self.skipping = false;
        Some(next)
    }
}

/// Where the quoted field ends that begins at `at`, and whether quotes within are doubled.
fn closing(text: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut doubled = false;
    loop {
        at += text.get(at..)?.iter().position(|&byte| byte == b'"')?;
        if text.get(at + 1) != Some(&b'"') {
            return Some((at, doubled));
        }
        doubled = true;
        at += 2;
    }
}

/// Where the next delimiter or line end is, or the text's end; sixteen bytes at a time, for the end of a short field is a branch
/// badly foretold.
#[inline(always)]
fn end_of_field(text: &[u8], mut at: usize, delimiter: u8) -> usize {
    const EACH: u64 = u64::MAX / 255;
    // The lowest bit of it is that of the first zero byte.
    let zeros = |word: u64| word.wrapping_sub(EACH) & !word & (EACH << 7);
    let is = |word: u64, byte: u8| zeros(word ^ (EACH * u64::from(byte)));
    let ends = |word: u64| is(word, delimiter) | is(word, b'\n') | is(word, b'\r');
    while let Some(sixteen) = text.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let words = u128::from_le_bytes(*sixteen);
        let found = u128::from(ends(words as u64)) | u128::from(ends((words >> 64) as u64)) << 64;
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 16;
    }
    let rest = &text[at..];
    let end = rest.iter().position(|&byte| byte == delimiter || byte == b'\n' || byte == b'\r');
    at + end.unwrap_or(rest.len())
}

/// Where the line ends that `start` is on; the length of the text where it does not.
fn end_of_line(text: &[u8], start: usize) -> usize {
    let rest = &text[start..];
    start + rest.iter().position(|&byte| byte == b'\n' || byte == b'\r').unwrap_or(rest.len())
}

/// Behind the end of a line; none where more of the text decides.
#[inline(always)]
fn after(text: &[u8], end: usize, last: bool) -> Option<usize> {
    match (text.get(end), text.get(end + 1)) {
        (None, _) => last.then_some(end),
        (Some(b'\n'), _) => Some(end + 1),
        (_, Some(b'\n')) => Some(end + 2),
        (_, Some(_)) => Some(end + 1),
        (_, None) => last.then_some(end + 1),
    }
}

fn lines_in(text: &[u8]) -> u64 {
    let ends = text
        .iter()
        .enumerate()
        .filter(|&(i, &byte)| byte == b'\n' || (byte == b'\r' && text.get(i + 1) != Some(&b'\n')));
    ends.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen(Vec<(u64, Result<Vec<String>, Break>)>);

    impl Visitor for Seen {
        fn record(&mut self, text: &[u8], fields: &[Field], line: u64) {
            let of = |&Field { start, end, doubled }: &Field| {
                let field = String::from_utf8_lossy(&text[start..end]).into_owned();
                if doubled { field.replace("\"\"", "\"") } else { field }
            };
            self.0.push((line, Ok(fields.iter().map(of).collect())));
        }

        fn broken(&mut self, reason: Break, line: u64) {
            self.0.push((line, Err(reason)));
        }
    }

    /// What is seen of a text of which so many bytes come at a time.
    fn seen(text: &[u8], step: usize) -> Vec<(u64, Result<Vec<String>, Break>)> {
        let (mut records, mut seen, mut kept) = (Records::new(b','), Seen::default(), vec![]);
        for some in text.chunks(step) {
            kept.extend_from_slice(some);
            let done = records.cut(&kept, false, &mut seen);
            kept.drain(..done);
        }
        records.cut(&kept, true, &mut seen);
        seen.0
    }

    fn fields(all: &[&str]) -> Result<Vec<String>, Break> {
        Ok(all.iter().map(|&field| field.into()).collect())
    }

    #[test]
    fn a_text_is_cut_into_records_however_it_comes() {
        let text = b"a,b\r\n\n\"c,\"\"d\",\"e\nf\"\rg,\"h\ni\"j,k\n\"l\"m\n\xff\n,";
        let expected = [
            (1, fields(&["a", "b"])),
            (2, Err(Break::Blank)),
            (3, fields(&["c,\"d", "e\nf"])),
            (5, Err(Break::Behind)),
            (6, fields(&["i\"j", "k"])),
            (7, Err(Break::Behind)),
            (8, Err(Break::Unicode)),
            (9, fields(&["", ""])),
        ];
        for step in 1..=text.len() {
            assert_eq!(seen(text, step), expected);
        }
    }

    #[test]
    fn a_quote_that_never_closes_costs_its_line() {
        let expected = [(1, Err(Break::Unclosed)), (2, fields(&["b"])), (3, fields(&["c"]))];
        for step in 1..6 {
            assert_eq!(seen(b"\"a\nb\nc", step), expected);
        }
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit() {
        if cfg!(miri) {
            return;
        }
        let most = "x".repeat(LIMIT);
        for end in ["\n", "\r\n", "\r"] {
            let found = seen(format!("{most}{end}{most}y{end}z").as_bytes(), 1 << 18);
            assert_eq!(found, [(1, fields(&[&most])), (2, Err(Break::Long)), (3, fields(&["z"]))]);
        }
    }
}
