//! Numbers for texts, by first appearance.

use crate::text::Text;

/// Texts that are looked up together, so that the processor waits for many at a time.
const BATCH: usize = 256;

/// Slots that are looked at together.
type Group = [u64; 4];

/// Texts by number, and numbers by text.
#[derive(Default)]
pub struct Numbers {
    /// A text's hash above its number + 1, in the group that the hash says or one behind it; 0 where there is none. At most
    /// half are taken.
    slots: Vec<Group>,
    /// Head and tail of each text; of a long one the tail is where it begins in `long`.
    entries: Vec<(u64, u64)>,
    long: Vec<u8>,
}

impl Numbers {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts the numbers of texts into `codes`, −1 for none.
    pub fn number(&mut self, texts: &[Text<'_>], codes: &mut [i32]) {
        assert_eq!(texts.len(), codes.len(), "a code for each text");
        for (texts, codes) in texts.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            self.number_batch(texts, codes);
        }
    }

    /// The number of one text, which has some bytes; quicker many at a time.
    pub fn number_of(&mut self, text: &Text<'_>) -> i32 {
        self.reserve(1);
        self.find(text, text.hash()) as i32
    }

    fn number_batch(&mut self, texts: &[Text<'_>], codes: &mut [i32]) {
        self.reserve(texts.len());
        let mask = self.slots.len() - 1;
        let (mut hashes, mut found, mut entries) = ([0; BATCH], [0; BATCH], [(0, 0); BATCH]);
        // Each loop reads another part of memory.
        for (hash, text) in hashes.iter_mut().zip(texts) {
            *hash = text.hash();
        }
        for (found, &hash) in found.iter_mut().zip(&hashes[..texts.len()]) {
            let group = self.slots[hash as usize & mask];
            // Without a branch, which would wait for memory; two slots of one hash give a number that is checked like any other.
            let of_hash = |slot: u64| slot & u64::from((slot >> 32) as u32 == hash).wrapping_neg();
            *found = group.into_iter().fold(0, |found, slot| found | of_hash(slot));
        }
        for (entry, &slot) in entries.iter_mut().zip(&found[..texts.len()]) {
            *entry = self.entries.get(number_in(slot)).copied().unwrap_or_default();
        }
        for (i, (text, code)) in texts.iter().zip(codes).enumerate() {
            *code = if text.is_empty() {
                -1
            } else if self.is(entries[i], text) {
                number_in(found[i]) as i32
            } else {
                self.find(text, hashes[i]) as i32
            };
        }
    }

    /// The text of a number below `len`.
    pub fn text(&self, number: usize) -> Text<'_> {
        let (head, tail) = self.entries[number];
        Text::kept(head, tail, &self.long)
    }

    /// Appends the bytes of a number's text.
    pub fn write(&self, number: usize, to: &mut Vec<u8>) {
        let text = self.text(number);
        let mut short = [0; 12];
        short[..4].copy_from_slice(&((text.head >> 32) as u32).to_le_bytes());
        short[4..].copy_from_slice(&text.tail.to_le_bytes());
        to.extend_from_slice(if text.long.is_empty() { &short[..text.len()] } else { text.long });
    }

    /// Whether an entry is that of the text; one of zeros is no text's.
    #[inline(always)]
    fn is(&self, (head, tail): (u64, u64), text: &Text<'_>) -> bool {
        if text.long.is_empty() {
            (head, tail) == (text.head, text.tail)
        } else {
            head == text.head && self.long[tail as usize..][..text.len()] == *text.long
        }
    }

    /// The number of a text, a new one where it is not known.
    fn find(&mut self, text: &Text<'_>, hash: u32) -> usize {
        let mask = self.slots.len() - 1;
        let (mut at, mut place) = (hash as usize & mask, 0);
        while self.slots[at][place] != 0 {
            let slot = self.slots[at][place];
            if (slot >> 32) as u32 == hash && self.is(self.entries[number_in(slot)], text) {
                return number_in(slot);
            }
            (at, place) = if place < 3 { (at, place + 1) } else { ((at + 1) & mask, 0) };
        }
        self.slots[at][place] = u64::from(hash) << 32 | (self.entries.len() as u64 + 1);
        self.add(text)
    }

    /// Gives a text the next number, whether or not it has one: it is not found by it.
    pub fn add(&mut self, text: &Text<'_>) -> usize {
        let number = self.entries.len();
        assert!(number < i32::MAX as usize, "numbers are 32 bits wide");
        let tail = if text.long.is_empty() { text.tail } else { self.long.len() as u64 };
        self.entries.push((text.head, tail));
        self.long.extend_from_slice(text.long);
        number
    }

    /// Makes room for so many texts more.
    fn reserve(&mut self, more: usize) {
        let wanted = (self.entries.len() + more).div_ceil(2).next_power_of_two();
        if wanted <= self.slots.len() {
            return;
        }
        let mask = wanted - 1;
        let mut slots: Vec<Group> = vec![[0; 4]; wanted];
        for &slot in self.slots.as_flattened().iter().filter(|&&slot| slot != 0) {
            let mut at = (slot >> 32) as usize & mask;
            while slots[at][3] != 0 {
                at = (at + 1) & mask;
            }
            let free = slots[at].iter_mut().find(|free| **free == 0);
            free.into_iter().for_each(|free| *free = slot);
        }
        self.slots = slots;
    }
}

fn number_in(slot: u64) -> usize {
    (slot as u32 as usize).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Numbers by first appearance, by a map of vectors.
    fn naive(texts: &[Vec<u8>]) -> Vec<i32> {
        let mut numbers = HashMap::new();
        texts
            .iter()
            .map(|text| {
                let next = numbers.len() as i32;
                if text.is_empty() { -1 } else { *numbers.entry(text).or_insert(next) }
            })
            .collect()
    }

    fn codes(numbers: &mut Numbers, texts: &[Vec<u8>]) -> Vec<i32> {
        let mut codes = vec![0; texts.len()];
        numbers.number(&texts.iter().map(|text| Text::new(text)).collect::<Vec<_>>(), &mut codes);
        codes
    }

    /// Texts of 0 to 30 bytes, many of them twice, as a counter says.
    fn invented(count: usize) -> Vec<Vec<u8>> {
        (0..count as u32)
            .map(|i| {
                let bits = i.wrapping_mul(0x9e37_79b1) >> 7;
                let number = (bits % (count as u32 / 2 + 1)).to_string();
                format!("{}{number}", "user-with-a-long-name-".get(..bits as usize % 23).unwrap_or("")).into_bytes()
            })
            .chain([vec![]])
            .collect()
    }

    #[test]
    fn texts_are_numbered_by_first_appearance_however_many_come_at_a_time() {
        let texts = invented(if cfg!(miri) { 200 } else { 20_000 });
        let expected = naive(&texts);
        for step in [1, 7, BATCH, BATCH + 1, texts.len()] {
            let mut numbers = Numbers::default();
            let found: Vec<i32> = texts.chunks(step).flat_map(|some| codes(&mut numbers, some)).collect();
            assert_eq!(found, expected);
            for (text, &code) in texts.iter().zip(&expected).filter(|&(_, &code)| code >= 0) {
                let mut written = vec![];
                numbers.write(code as usize, &mut written);
                assert_eq!(&written, text);
            }
        }
    }

    #[test]
    fn nothing_gets_no_number() {
        let mut numbers = Numbers::default();
        assert_eq!(codes(&mut numbers, &[]), [0; 0]);
        assert_eq!(codes(&mut numbers, &[vec![], b"a".to_vec(), vec![]]), [-1, 0, -1]);
        assert_eq!((numbers.len(), numbers.is_empty()), (1, false));
    }

    #[test]
    fn any_bytes_are_texts_and_zeros_count() {
        let texts =
            [&b"a"[..], b"a\0", b"\xff\xfe", b"\0", b"twelve bytes", b"twelve bytes\0", b"a"].map(<[u8]>::to_vec);
        assert_eq!(codes(&mut Numbers::default(), &texts), [0, 1, 2, 3, 4, 5, 0]);
    }

    #[test]
    fn texts_of_one_hash_keep_their_own_numbers() {
        let mut numbers = Numbers::default();
        numbers.reserve(8);
        let texts = [&b"a"[..], b"b", b"a long text of many bytes", b"another long text", b"b", b"a"];
        let found = texts.map(|text| numbers.find(&Text::new(text), 0xffff_ffff));
        assert_eq!(found, [0, 1, 2, 3, 1, 0]);
        numbers.reserve(1000);
        assert_eq!(texts.map(|text| numbers.find(&Text::new(text), 0xffff_ffff)), found);
    }
}
