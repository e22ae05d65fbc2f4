//! Ranked lists as lines of text, a row for each user and rank. Scores that are written with an exponent are left to JavaScript.

use std::io::Write;

/// Bytes that are copied at once, whatever a text takes of them: a call for each would take longer.
const ONCE: usize = 16;
/// Bytes that a number takes at most, and what is written over behind it.
const NUMBER: usize = 16 + ONCE;

/// Texts end to end.
pub struct Texts {
    /// With `ONCE` bytes behind the last.
    bytes: Vec<u8>,
    /// Where each begins, and the end of the last.
    starts: Vec<u32>,
    longest: usize,
}

/// A text on its way to a row.
#[derive(Clone, Copy, Default)]
struct Piece {
    /// Its first bytes, or all and what stands behind it.
    head: [u8; ONCE],
    start: u32,
    length: u32,
}

impl Texts {
    /// @param ends where each text ends, in units of UTF-16
    pub fn new(text: String, ends: &[u32]) -> Self {
        let mut starts = vec![0; 1 + ends.len()];
        if ends.last().is_none_or(|&end| end as usize == text.len()) {
            starts[1..].copy_from_slice(ends); // a byte for each unit
        } else {
            put_byte_ends(&text, ends, &mut starts[1..]);
        }
        let longest = starts.windows(2).map(|bounds| bounds[1] - bounds[0]).max().unwrap_or(0) as usize;
        let mut bytes = text.into_bytes();
        bytes.resize(bytes.len() + ONCE, 0);
        Self { bytes, starts, longest }
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    fn piece(&self, index: usize) -> Piece {
        let (start, end) = (self.starts[index], self.starts[index + 1]);
        let head = *self.bytes[start as usize..].first_chunk().expect("there are bytes behind the last text");
        Piece { head, start, length: end - start }
    }

    /// Writes a text, and gives where the next byte goes; up to `ONCE` bytes behind it are written over.
    #[inline(always)]
    fn put(&self, Piece { head, start, length }: Piece, to: &mut [u8], at: usize) -> usize {
        let length = length as usize;
        to[at..at + ONCE].copy_from_slice(&head);
        if length > ONCE {
            to[at..at + length].copy_from_slice(&self.bytes[start as usize..][..length]);
        }
        at + length
    }
}

fn put_byte_ends(text: &str, ends: &[u32], to: &mut [u32]) {
    let mut chars = text.chars();
    let mut units = 0;
    for (to, &end) in to.iter_mut().zip(ends) {
        while units < end {
            units += chars.next().map_or(end - units, |char| char.len_utf16() as u32);
        }
        *to = (text.len() - chars.as_str().len()) as u32;
    }
}

/// The lists of some users, k places each; −1 in the place of items that are not there.
pub struct Ranked<'a> {
    pub items: &'a [i32],
    pub scores: &'a [f32],
    pub interests: &'a [i32],
}

/// Writes lists.
pub struct Lists {
    /// What stands between user and item, by place.
    pub ranks: Texts,
    /// What stands before a score, by item.
    pub items: Texts,
    /// What stands before an interest, and behind it.
    pub interest: Texts,
}

/// What was written of some lists.
#[derive(Debug, PartialEq)]
pub enum Written {
    All {
        bytes: usize,
        rows: u32,
    },
    /// Nothing, for that takes up to so many bytes.
    Wants(usize),
    /// A score is not plain.
    Odd,
}

impl Lists {
    /// Writes the rows to the beginning of `to`, and over what stands behind them.
    pub fn write(&self, users: &Texts, ranked: &Ranked<'_>, to: &mut [u8]) -> Written {
        let k = ranked.items.len() / users.len().max(1);
        let there = |user: usize| ranked.items[user * k..][..k].iter().take_while(|&&item| item >= 0).count();
        let around = self.ranks.longest + self.items.longest + 2 * self.interest.longest + 2 * NUMBER;
        let length = |user: usize| (users.starts[user + 1] - users.starts[user]) as usize;
        let wanted = (0..users.len()).map(|user| there(user) * (length(user) + around)).sum();
        if wanted > to.len() {
            return Written::Wants(wanted);
        }
        let interest = [0, 1].map(|end| self.interest.piece(end));
        let (mut at, mut rows) = (0, 0);
        for user in 0..users.len() {
            let (text, count) = (users.piece(user), there(user));
            for first in (0..count).step_by(TOGETHER) {
                let some = user * k + first..user * k + count.min(first + TOGETHER);
                // What a row would wait for, of some rows at a time: memory first
                let mut items = [Piece::default(); TOGETHER];
                for (piece, &item) in items.iter_mut().zip(&ranked.items[some.clone()]) {
                    *piece = self.items.piece(item as usize);
                }
                let mut scores = [Decimal::default(); TOGETHER];
                for (decimal, &score) in scores.iter_mut().zip(&ranked.scores[some.clone()]) {
                    let Some(found) = decimal_of(score) else { return Written::Odd };
                    *decimal = found;
                }
                for (i, row) in some.enumerate() {
                    at = users.put(text, to, at);
                    at = self.ranks.put(self.ranks.piece(first + i), to, at);
                    at = self.items.put(items[i], to, at);
                    at = put_decimal(ranked.scores[row] < 0.0, scores[i], to, at);
                    at = self.interest.put(interest[0], to, at);
                    at = put_whole(ranked.interests[row], to, at);
                    at = self.interest.put(interest[1], to, at);
                    rows += 1;
                }
            }
        }
        Written::All { bytes: at, rows }
    }
}

/// Rows whose parts are got together.
const TOGETHER: usize = 16;

/// whole / 10^places: below 10^9, with up to `PLACES` of them.
#[derive(Clone, Copy, Default)]
struct Decimal {
    whole: u32,
    places: u32,
}

/// Numbers that need more are not plain.
const PLACES: u32 = 12;

const POWERS: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

/// The shortest decimal that is this number's size and no other's, the same as `src/cli/batch/numbers.ts` writes.
#[inline(always)]
fn decimal_of(x: f32) -> Option<Decimal> {
    let size = f64::from(x.abs());
    if size == 0.0 {
        return Some(Decimal::default());
    }
    if !(1e-6..1e7).contains(&size) {
        return None;
    }
    let seven = digits_of(size);
    // Most numbers have eight or nine digits: the end of a loop would be foretold badly.
    let [(a, is_a), (b, is_b), (c, is_c)] = [0, 1, 2].map(|more| {
        let (whole, back) = nearest(size, seven + more);
        (whole, back == x.abs())
    });
    let (whole, places) = if is_a { (a, seven) } else { (if is_b { b } else { c }, seven + 2 - usize::from(is_b)) };
    let found = Decimal { whole, places: places as u32 };
    ((is_a | is_b | is_c) && found.places <= PLACES).then_some(found)
}

/// The nearest decimal of so many digits behind the point, times their power of ten, and what it reads as. With two digits
/// more than `digits_of` says it is below 10^9 still.
#[inline(always)]
fn nearest(size: f64, digits: usize) -> (u32, f32) {
    let power = POWERS[digits];
    let scaled = size * power;
    let below = scaled as u32;
    let whole = below + u32::from(scaled - f64::from(below) >= 0.5); // `round` is a call on older processors
    (whole, (f64::from(whole) / power) as f32)
}

/// Digits behind the point with which a number has seven in all.
fn digits_of(size: f64) -> usize {
    let (mut digits, mut power) = (7, 1.0);
    while size >= power && digits > 0 {
        digits -= 1;
        power *= 10.0;
    }
    power = 0.1;
    while size < power && digits < 12 {
        digits += 1;
        power /= 10.0;
    }
    digits
}

/// Eight digits, the first in the lowest byte.
#[inline(always)]
fn eight_digits(number: u32) -> u64 {
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | (fours - 100 * hundreds) << 16;
    let tens = ((twos * 103) >> 10) & 0xf_000f_000f_000f;
    (tens | (twos - 10 * tens) << 8) + ZEROS as u64
}

/// The digit 0, sixteen times.
const ZEROS: u128 = 0x3030_3030_3030_3030_3030_3030_3030_3030;

/// Writes a number, most often one of a digit.
#[inline(always)]
fn put_whole(number: i32, to: &mut [u8], at: usize) -> usize {
    if let digit @ 0..10 = number {
        to[at] = b'0' + digit as u8;
        return at + 1;
    }
    let mut rest = &mut to[at..];
    let room = rest.len();
    write!(rest, "{number}").expect("there is room for a number");
    at + room - rest.len()
}

/// Writes a decimal without zeros at the end of a fraction.
#[inline(always)]
fn put_decimal(negative: bool, Decimal { mut whole, places }: Decimal, to: &mut [u8], mut at: usize) -> usize {
    let mut places = places as usize;
    while places > 0 && whole.is_multiple_of(10) {
        whole /= 10;
        places -= 1;
    }
    if negative {
        to[at] = b'-';
        at += 1;
    }
    // Sixteen digits in a register: what is written to memory byte by byte is read again late.
    let (top, rest) = (whole / 100_000_000, whole % 100_000_000);
    let text = (ZEROS as u64 as u128 + (u128::from(top) << 56)) | (u128::from(eight_digits(rest)) << 64);
    let digits = (whole.checked_ilog10().unwrap_or(0) as usize + 1).max(places + 1);
    let text = text >> (8 * (16 - digits));
    let before = digits - places;
    let fraction = u128::from(b'.') | text >> (8 * before) << 8;
    let text = text & ((1 << (8 * before)) - 1) | fraction << (8 * before);
    to[at..at + 16].copy_from_slice(&text.to_le_bytes());
    at + digits + usize::from(places > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: &[&str]) -> Texts {
        let mut units = 0;
        let ends = all.iter().map(|text| {
            units += text.encode_utf16().count() as u32;
            units
        });
        Texts::new(all.concat(), &ends.collect::<Vec<_>>())
    }

    fn lists(items: &[&str]) -> Lists {
        Lists { ranks: texts(&[",1,", ",2,"]), items: texts(items), interest: texts(&[",", "\n"]) }
    }

    fn score(x: f32) -> Option<String> {
        let mut room = [0; NUMBER];
        let end = put_decimal(x < 0.0, decimal_of(x)?, &mut room, 0);
        Some(String::from_utf8(room[..end].to_vec()).unwrap())
    }

    #[test]
    fn rows_are_the_texts_of_their_columns() {
        let long = "long ".repeat(9) + ",";
        let lists = lists(&["a,", "ü,", &long, ","]);
        let ranked = Ranked {
            items: &[1, 2, -1, -1, 3, 0],
            scores: &[1.5, -0.25, 0.0, 0.0, 7.0, 1e-3],
            interests: &[0, -1, 0, 0, i32::MIN, 13],
        };
        let users = texts(&["😀", "nobody", "user-of-a-long-name"]);
        let Written::Wants(wanted) = lists.write(&users, &ranked, &mut []) else { panic!("no room is too little") };
        assert_eq!(lists.write(&users, &ranked, &mut vec![0; wanted - 1]), Written::Wants(wanted));
        let mut room = vec![0; wanted];
        let Written::All { bytes, rows } = lists.write(&users, &ranked, &mut room) else { panic!("there is room") };
        let expected = format!(
            "😀,1,ü,1.5,0\n😀,2,{long}-0.25,-1\nuser-of-a-long-name,1,,7,-2147483648\nuser-of-a-long-name,2,a,0.001,13\n"
        );
        assert_eq!((std::str::from_utf8(&room[..bytes]).unwrap(), rows), (&expected[..], 4));
        let none = Ranked { items: &[], scores: &[], interests: &[] };
        for users in [&[][..], &["u"]] {
            assert_eq!(lists.write(&texts(users), &none, &mut []), Written::All { bytes: 0, rows: 0 });
        }
        let odd = Ranked { items: &[0], scores: &[1e-7], interests: &[0] };
        assert_eq!(lists.write(&texts(&["u"]), &odd, &mut [0; 999]), Written::Odd);
    }

    #[test]
    fn scores_are_the_shortest_decimals_that_read_as_them() {
        let mut bits = 1u32;
        let mut plain = 0;
        let count = if cfg!(miri) { 1000 } else { 200_000 };
        for _ in 0..count {
            bits = bits.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            let x = f32::from_bits(bits);
            let Some(text) = score(x) else { continue };
            plain += 1;
            assert_eq!(text.parse(), Ok(x), "{text}");
            // Of a power of two another decimal of the same length may be nearer
            assert!(text.len() <= x.to_string().len() || bits.trailing_zeros() >= 23, "{text} for {x}");
        }
        assert!(plain > count / 10);
        for (x, text) in
            [(0.0, "0"), (-0.0, "0"), (7.225, "7.225"), (9_999_999.0, "9999999"), (0.33333334, "0.33333334")]
        {
            assert_eq!(score(x).as_deref(), Some(text));
        }
        for x in [1e-7, 1e7, f32::NAN, f32::INFINITY, f32::MIN_POSITIVE] {
            assert_eq!(score(x), None);
        }
    }
}
