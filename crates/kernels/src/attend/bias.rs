//! What is added to a score by the place and the time of its key.

use ndarray::ArrayView1;

use crate::views::elements;

/// Buckets of time.
pub const TIMES: usize = 129;

/// A bias by the time between query and key: table [129], seconds of the keys [T] and of the queries [Q].
#[derive(Clone, Copy)]
pub struct Times<'a> {
    pub table: ArrayView1<'a, f32>,
    pub keys: ArrayView1<'a, i32>,
    pub queries: ArrayView1<'a, i32>,
}

impl<'a> Times<'a> {
    /// Of the query in `row`, whose segment's keys begin at `first`.
    pub(super) fn of(&self, row: usize, first: usize) -> TimesOf<'a> {
        TimesOf { table: elements(&self.table), keys: &elements(&self.keys)[first..], query: self.queries[row] }
    }
}

/// [`Times`] of one query: the keys from its segment's first on.
#[derive(Clone, Copy)]
pub(super) struct TimesOf<'a> {
    table: &'a [f32],
    keys: &'a [i32],
    query: i32,
}

/// Where buckets begin but the first: the least seconds with ⌊ln(seconds) / .301⌋ = 1, 2, … that an u32 holds. All machines agree
/// on comparisons, and they take less than a logarithm.
#[rustfmt::skip]
const BEGINS: [u32; 73] = [
    2, 2, 3, 4, 5, 7, 9, 12, 16, 21, 28, 38, 51, 68, 92, 124, 167, 226, 305, 412, 557, 752, 1_016, 1_372, 1_854,
    2_505, 3_385, 4_574, 6_180, 8_350, 11_283, 15_245, 20_600, 27_834, 37_610, 50_818, 68_666, 92_782, 125_367,
    169_397, 228_891, 309_280, 417_902, 564_672, 762_990, 1_030_960, 1_393_042, 1_882_291, 2_543_369, 3_436_624,
    4_643_598, 6_274_473, 8_478_127, 11_455_724, 15_479_081, 20_915_478, 28_261_189, 38_186_783, 51_598_337,
    69_720_155, 94_206_525, 127_292_737, 171_999_135, 232_406_837, 314_030_289, 424_320_660, 573_346_040,
    774_710_524, 1_046_796_097, 1_414_440_665, 1_911_205_440, 2_582_438_644, 3_489_415_219,
];

/// ⌊ln(max(1, |seconds|)) / .301⌋ for seconds between two i32.
pub fn bucket(seconds: i64) -> usize {
    let seconds = seconds.unsigned_abs();
    BEGINS.partition_point(|&begin| u64::from(begin) <= seconds)
}

/// The biases of one query.
#[derive(Clone, Copy)]
pub(super) struct Biases<'a> {
    pub places: Option<&'a [f32]>,
    /// The query's place among the keys
    pub place: i32,
    pub times: Option<TimesOf<'a>>,
}

impl Biases<'_> {
    /// Where the biases of key `j` stand: in the places, and in the times.
    #[inline(always)]
    pub fn at(&self, j: usize) -> [Option<usize>; 2] {
        let place = self.places.map(|places| {
            let middle = places.len() as i64 / 2;
            (middle + j as i64 - i64::from(self.place)).clamp(0, 2 * middle) as usize
        });
        let time = self.times.map(|times| bucket(i64::from(times.query) - i64::from(times.keys[j])));
        [place, time]
    }

    /// The bias of key `j`.
    #[inline(always)]
    pub fn of(&self, j: usize) -> f32 {
        let [place, time] = self.at(j);
        let by_place = self.places.zip(place).map_or(0.0, |(places, at)| places[at]);
        by_place + self.times.zip(time).map_or(0.0, |(times, at)| times.table[at])
    }

    /// Adds the gradient of the bias of key `j`.
    #[inline(always)]
    pub fn take(&self, j: usize, d: f32, to: &mut [f32]) {
        let [place, time] = self.at(j);
        if let Some(at) = place {
            to[at] += d;
        }
        if let Some(at) = time {
            to[self.places.map_or(0, <[f32]>::len) + at] += d;
        }
    }
}
