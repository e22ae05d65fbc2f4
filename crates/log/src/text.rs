//! Texts as DuckDB lays them out: sixteen bytes that say all of a short one.

/// Bytes of a text that its sixteen hold themselves.
const IN_PLACE: usize = 12;

/// A text to be numbered; one of no bytes is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Text<'a> {
    /// The length, then the first four bytes.
    pub head: u64,
    /// The next eight; of a longer text it says nothing.
    pub tail: u64,
    /// All bytes, of a longer text alone.
    pub long: &'a [u8],
}

impl<'a> Text<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0, bytes.len())
    }

    /// The text of `length` bytes from `start`; quickest where `bytes` go on behind it.
    #[inline(always)]
    pub fn at(bytes: &'a [u8], start: usize, length: usize) -> Self {
        if length > IN_PLACE {
            let long = &bytes[start..start + length];
            return Self { head: head(length, first_four(long)), tail: 0, long };
        }
        let (four, tail) = match bytes[start..].first_chunk::<16>() {
            Some(sixteen) => {
                let text = u128::from_le_bytes(*sixteen) & ((1 << (8 * length)) - 1);
                (text as u32, (text >> 32) as u64)
            }
            None => short(&bytes[start..start + length]),
        };
        Self { head: head(length, four), tail, long: &[] }
    }

    /// The text of DuckDB's words; `long` gives the bytes of one that they do not hold.
    #[inline(always)]
    pub fn of_words(words: [u32; 4], long: impl FnOnce() -> &'a [u8]) -> Self {
        let [length, four, eight @ ..] = words;
        let tail = u64::from(eight[0]) | u64::from(eight[1]) << 32;
        let head = head(length as usize, four);
        if length as usize > IN_PLACE { Self { head, tail: 0, long: long() } } else { Self { head, tail, long: &[] } }
    }

    /// The text of a head and a tail; of a long one the tail is where it begins in `bytes`.
    #[inline(always)]
    pub fn kept(head: u64, tail: u64, bytes: &'a [u8]) -> Self {
        let length = length_of(head);
        if length > IN_PLACE {
            Self { head, tail: 0, long: &bytes[tail as usize..][..length] }
        } else {
            Self { head, tail, long: &[] }
        }
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        length_of(self.head)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    pub fn hash(&self) -> u32 {
        let of_key = mix(mix(self.head ^ SEEDS[0], SEEDS[1]) ^ self.tail, SEEDS[2]);
        let hash = if self.long.is_empty() { of_key } else { hash_long(of_key, self.long) };
        (hash >> 32) as u32
    }
}

/// The length that a text's head begins with.
fn length_of(head: u64) -> usize {
    head as u32 as usize
}

fn head(length: usize, four: u32) -> u64 {
    length as u32 as u64 | u64::from(four) << 32
}

fn first_four(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |four| u32::from_le_bytes(*four))
}

/// What the sixteen bytes of a short text hold of it.
fn short(text: &[u8]) -> (u32, u64) {
    let mut padded = [0; 16];
    padded[..text.len()].copy_from_slice(text);
    let all = u128::from_le_bytes(padded);
    (all as u32, (all >> 32) as u64)
}

/// Digits of π.
const SEEDS: [u64; 3] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345, 0xa409_3822_299f_31d1];

/// Both halves of the product in one.
#[inline(always)]
fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn hash_long(first: u64, text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let hash = words.iter().fold(first, |hash, &word| mix(hash ^ u64::from_le_bytes(word), SEEDS[2]));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash ^ u64::from_le_bytes(last), SEEDS[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(text: Text<'_>) -> (u64, u64, &[u8]) {
        (text.head, text.tail, text.long)
    }

    #[test]
    fn a_text_is_the_same_wherever_it_stands_and_however_it_came() {
        let written = b"abcdefghijklmnopqrstuvwxyz0123456789";
        for length in 0..=20 {
            let alone = Text::new(&written[..length]);
            assert_eq!((alone.len(), alone.is_empty()), (length, length == 0));
            let moved = [b"xyz", &written[..]].concat();
            for start in [3, moved.len() - length] {
                let text = Text::at(&moved, start, length);
                let same = Text::new(&moved[start..start + length]);
                assert_eq!((bits(text), text.hash()), (bits(same), same.hash()));
            }
            let mut bytes = [0; 12];
            bytes[..length.min(12)].copy_from_slice(&written[..length.min(12)]);
            let word = |i: usize| u32::from_le_bytes(*bytes[4 * i..].first_chunk().unwrap());
            let words = [length as u32, word(0), word(1), word(2)];
            assert_eq!(bits(Text::of_words(words, || &written[..length])), bits(alone));
        }
    }

    #[test]
    fn texts_that_differ_anywhere_hash_otherwise() {
        let mut hashes = std::collections::HashSet::new();
        let mut count = 0;
        for length in 1..40 {
            for changed in 0..=length {
                let text: Vec<u8> = (0..length).map(|i| if i == changed { b'b' } else { b'a' }).collect();
                hashes.insert(Text::new(&text).hash());
                count += 1;
            }
        }
        assert_eq!(hashes.len(), count);
    }
}
