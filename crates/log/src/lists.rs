//! Ranked lists as lines of text, a row for each user and rank. Scores that are written with an exponent are left to JavaScript.

/// Bytes that are copied at once, whatever a text takes of them: a call for each would take longer.
const ONCE: usize = 16;
/// Bytes that a number takes at most, and what is written over behind it.
const NUMBER: usize = 16 + ONCE;

/// Texts end to end.
#[derive(Default)]
pub struct Texts {
    /// With `ONCE` bytes behind the last.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    longest: usize,
}

impl Texts {
    /// @param ends where each text ends, in units of UTF-16
    pub fn new(text: String, ends: &[u32]) -> Self {
        let ends = if ends.last().is_none_or(|&end| end as usize == text.len()) {
            ends.iter().map(|&end| end as usize).collect() // a byte for each unit
        } else {
            byte_ends(&text, ends)
        };
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let longest = ends.iter().zip(starts).map(|(end, start)| end - start).max().unwrap_or(0);
        let mut bytes = text.into_bytes();
        bytes.resize(bytes.len() + ONCE, 0);
        Self { bytes, ends, longest }
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] }
    }

    fn length(&self, index: usize) -> usize {
        self.ends[index] - self.start(index)
    }

    /// Writes a text, and gives where the next byte goes; up to `ONCE` bytes behind it are written over.
    #[inline(always)]
    fn put(&self, index: usize, to: &mut [u8], at: usize) -> usize {
        let (start, length) = (self.start(index), self.length(index));
        let copied = length.max(ONCE);
        let from = &self.bytes[start..start + copied];
        if length <= ONCE {
            to[at..at + ONCE].copy_from_slice(&from[..ONCE]);
        } else {
            to[at..at + copied].copy_from_slice(from);
        }
        at + length
    }
}

fn byte_ends(text: &str, ends: &[u32]) -> Vec<usize> {
    let mut chars = text.chars();
    let mut units = 0;
    let ends = ends.iter().map(|&end| {
        while units < end {
            units += chars.next().map_or(end - units, |char| char.len_utf16() as u32);
        }
        text.len() - chars.as_str().len()
    });
    ends.collect()
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
        let wanted = (0..users.len()).map(|user| there(user) * (users.length(user) + around)).sum();
        if wanted > to.len() {
            return Written::Wants(wanted);
        }
        let (mut at, mut rows) = (0, 0);
        for user in 0..users.len() {
            for place in 0..there(user) {
                let Some(end) = self.put_row((users, user), place, ranked, user * k + place, to, at) else {
                    return Written::Odd;
                };
                at = end;
                rows += 1;
            }
        }
        Written::All { bytes: at, rows }
    }

    /// Writes a row, and gives where the next byte goes; none where its score is not plain.
    #[inline(always)]
    fn put_row(
        &self,
        (users, user): (&Texts, usize),
        place: usize,
        ranked: &Ranked<'_>,
        row: usize,
        to: &mut [u8],
        mut at: usize,
    ) -> Option<usize> {
        at = users.put(user, to, at);
        at = self.ranks.put(place, to, at);
        at = self.items.put(ranked.items[row] as usize, to, at);
        at = put_score(ranked.scores[row], to, at)?;
        at = self.interest.put(0, to, at);
        let number = ranked.interests[row];
        at = put_decimal(number < 0, number.unsigned_abs(), 0, to, at);
        Some(self.interest.put(1, to, at))
    }
}

const POWERS: [f64; 13] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];

/// Writes the shortest decimal that is this number and no other, step for step as `src/cli/batch/numbers.ts` does.
#[inline(always)]
fn put_score(x: f32, to: &mut [u8], at: usize) -> Option<usize> {
    let size = f64::from(x.abs());
    if size == 0.0 {
        return Some(put_decimal(false, 0, 0, to, at));
    }
    if !(1e-6..1e7).contains(&size) {
        return None;
    }
    let mut digits = digits_of(size);
    loop {
        let whole = (size * POWERS[digits]).round();
        if (whole / POWERS[digits]) as f32 == x.abs() {
            return (whole < 1e9).then(|| put_decimal(x < 0.0, whole as u32, digits, to, at));
        }
        digits += 1;
        if digits == POWERS.len() {
            return None;
        }
    }
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

/// Writes ±whole / 10^places without zeros at the end of a fraction.
#[inline(always)]
fn put_decimal(negative: bool, mut whole: u32, mut places: usize, to: &mut [u8], mut at: usize) -> usize {
    while places > 0 && whole.is_multiple_of(10) {
        whole /= 10;
        places -= 1;
    }
    if negative {
        to[at] = b'-';
        at += 1;
    }
    let digits = (whole.checked_ilog10().unwrap_or(0) as usize + 1).max(places + 1);
    let end = at + digits + usize::from(places > 0);
    let mut next = end;
    for place in 0..digits {
        if place == places && places > 0 {
            next -= 1;
            to[next] = b'.';
        }
        next -= 1;
        to[next] = b'0' + (whole % 10) as u8;
        whole /= 10;
    }
    end
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
        put_score(x, &mut room, 0).map(|end| String::from_utf8(room[..end].to_vec()).unwrap())
    }

    #[test]
    fn rows_are_the_texts_of_their_columns() {
        let long = "long ".repeat(9) + ",";
        let lists = lists(&["a,", "ü,", &long, ","]);
        let ranked = Ranked {
            items: &[1, 2, -1, -1, 3, 0],
            scores: &[1.5, -0.25, 0.0, 0.0, 7.0, 1e-3],
            interests: &[0, -1, 0, 0, 12, 3],
        };
        let users = texts(&["😀", "nobody", "user-of-a-long-name"]);
        let Written::Wants(wanted) = lists.write(&users, &ranked, &mut []) else { panic!("no room is too little") };
        assert_eq!(lists.write(&users, &ranked, &mut vec![0; wanted - 1]), Written::Wants(wanted));
        let mut room = vec![0; wanted];
        let Written::All { bytes, rows } = lists.write(&users, &ranked, &mut room) else { panic!("there is room") };
        let expected = format!(
            "😀,1,ü,1.5,0\n😀,2,{long}-0.25,-1\nuser-of-a-long-name,1,,7,12\nuser-of-a-long-name,2,a,0.001,3\n"
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
        for _ in 0..200_000 {
            bits = bits.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            let x = f32::from_bits(bits);
            let Some(text) = score(x) else { continue };
            plain += 1;
            assert_eq!(text.parse(), Ok(x), "{text}");
            // Of a power of two another decimal of the same length may be nearer
            assert!(text.len() <= x.to_string().len() || bits.trailing_zeros() >= 23, "{text} for {x}");
        }
        assert!(plain > 20_000);
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
