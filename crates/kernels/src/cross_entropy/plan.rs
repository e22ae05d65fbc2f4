//! What is asked, and how the work is divided: by the shape alone, never by the number of threads.

use crate::simd::bf16::{PAIRS, Precision};
use crate::simd::matrix::PANEL;
use crate::simd::{Instructions, LANES};
use crate::size;

/// Tiles of 64 rows in a row block, at most.
pub(super) const TILES: usize = 4;

/// Items that go from logits to dh while they are in the nearest cache; a multiple of the rows of every register tile.
pub(super) const CHUNK: usize = 48;

/// The same where products are taken over pairs of bf16: as many as a panel has columns.
pub(super) const BF16_CHUNK: usize = PANEL;

/// Items whose exponentials are read and overwritten while they are in a core's second cache; whole chunks of either kind.
pub(super) const STRIP: usize = 16 * CHUNK;

/// Splits of the items, about: a block of work each. Every one has its own sums of each row, so more cost more.
const SPLITS: usize = 16;

/// A softmax over many items: logits `h · itemsᵀ`, and one target vector a row.
#[derive(Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub set: Instructions,
    /// [T, D]
    pub h: &'a [f32],
    /// [V, D]
    pub items: &'a [f32],
    /// [T]: rows of `items`, or ids where there are positives.
    pub targets: &'a [i32],
    /// Where the targets are not among the items themselves.
    pub positives: Option<Positives<'a>>,
    pub terms: Terms<'a>,
}

/// Target vectors of their own, beside items that were drawn.
#[derive(Clone, Copy)]
pub(crate) struct Positives<'a> {
    /// [T, D]
    pub vectors: &'a [f32],
    /// The ids of the items [V]: one that is the row's target is masked.
    pub drawn: &'a [i32],
}

/// What a loss takes beside its vectors, each part or none.
#[derive(Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Weights of the rows, w [T]: the loss is Σ w l / Σ w, and 0 where all are.
    pub weights: Option<&'a [f32]>,
    /// Subtracted from the logits of the drawn [N], such as ln q
    pub log_q: Option<&'a [f32]>,
    /// Subtracted from the logits of the targets [T]
    pub target_log_q: Option<&'a [f32]>,
}

impl Terms<'_> {
    /// Σ w over `rows` rows; 1 where it is 0, and all weights are.
    pub(crate) fn total_weight(&self, rows: usize) -> f64 {
        match self.weights {
            None => rows as f64,
            Some(weights) => {
                let total = weights.iter().map(|&w| f64::from(w)).sum();
                if total == 0.0 { 1.0 } else { total }
            }
        }
    }

    pub(crate) fn weight(&self, row: usize) -> f32 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// What is subtracted from the logit of a row's target.
    pub(crate) fn target_correction(&self, row: usize) -> f32 {
        self.target_log_q.map_or(0.0, |log_q| log_q[row])
    }

    /// The largest magnitude that is subtracted from logits of the drawn.
    pub(crate) fn max_correction(&self) -> f32 {
        self.log_q.map_or(0.0, |log_q| log_q.iter().fold(0.0, |most: f32, q| most.max(q.abs())))
    }

    /// Whether there are as many as rows, and as drawn.
    pub(crate) fn fit(&self, rows: usize, drawn: usize) -> bool {
        let has = |x: Option<&[f32]>, n: usize| x.is_none_or(|x| x.len() == n);
        has(self.weights, rows) && has(self.log_q, drawn) && has(self.target_log_q, rows)
    }
}

impl Problem<'_> {
    /// The target vector of a row [D].
    pub(crate) fn target(&self, row: usize, width: usize) -> &[f32] {
        match self.positives {
            None => &self.items[self.targets[row] as usize * width..][..width],
            Some(Positives { vectors, .. }) => &vectors[row * width..][..width],
        }
    }
}

/// Rows whose exponentials are in memory at one time.
#[derive(Clone, Copy)]
pub(super) struct RowBlock {
    pub from: usize,
    pub rows: usize,
}

impl RowBlock {
    /// The first row of each tile of 64, counted from the block's, and the number of its rows.
    pub fn tiles(self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.rows).step_by(PANEL).map(move |row| (row, PANEL.min(self.rows - row)))
    }
}

/// Row blocks, of tiles of 64 rows; splits of the items, a block of work each.
pub(crate) struct Plan {
    pub(super) rows: usize,
    pub(super) items: usize,
    pub(super) width: usize,
    /// The width in whole vectors.
    pub(super) padded: usize,
    /// Tiles of a row block.
    pub(super) tiles: usize,
    /// Items of a split.
    pub(super) split: usize,
    pub(super) splits: usize,
    /// Whether products are taken over pairs of bf16.
    pub(super) bf16: bool,
}

impl Plan {
    /// Widths that fill no vectors of words are computed in f32.
    pub fn new(rows: usize, items: usize, width: usize, precision: Precision) -> Self {
        let bf16 = precision == Precision::Bf16 && width.is_multiple_of(PAIRS);
        let chunk = if bf16 { BF16_CHUNK } else { CHUNK };
        // Many tiles need few barriers; few keep the exponentials of a large catalogue near the cores.
        let tiles = ((1 << 14) / items.max(1)).clamp(1, TILES);
        let split = size::padded(items.div_ceil(SPLITS), chunk).min(items);
        Self {
            rows,
            items,
            width,
            padded: size::padded(width, LANES),
            tiles: tiles.min(rows.div_ceil(PANEL)),
            split,
            splits: if items == 0 { 0 } else { items.div_ceil(split) },
            bf16,
        }
    }

    pub(super) fn row_blocks(&self) -> impl Iterator<Item = RowBlock> {
        let most = self.tiles * PANEL;
        (0..self.rows).step_by(most).map(move |from| RowBlock { from, rows: most.min(self.rows - from) })
    }

    /// The first item of a split, and the number of its items.
    pub(super) fn items_of(&self, split: usize) -> (usize, usize) {
        let from = split * self.split;
        (from, self.split.min(self.items - from))
    }

    /// Items that go from logits to dh together.
    pub(super) fn chunk(&self) -> usize {
        if self.bf16 { BF16_CHUNK } else { CHUNK }
    }

    /// Lanes that hold a tile's rows side by side.
    pub(super) fn lanes(&self, rows: usize) -> usize {
        if self.bf16 { PANEL } else { size::padded(rows, LANES) }
    }

    /// f32 that hold `count` operands of a product.
    pub(super) fn stored(&self, count: usize) -> usize {
        if self.bf16 { count / 2 } else { count }
    }

    /// hᵀ of a tile [D, 64], and of words [D / 2, 64].
    pub(super) fn panel(&self) -> usize {
        let panel = size::times([self.width, PANEL]);
        size::plus([panel, if self.bf16 { panel / 2 } else { 0 }])
    }

    /// A tile's factor · h in panels [64, 64], or of words [32, 64], of all columns up to a multiple of 64.
    pub(super) fn scaled(&self) -> usize {
        self.stored(size::times([size::padded(self.width, PANEL), PANEL]))
    }

    /// A tile's sums over a split: Σ exp · items [64, D], Σ exp [64]. Over pairs of bf16 the first are summed by columns [D, 64].
    pub(super) fn sums(&self) -> usize {
        size::times([size::plus([self.width, 1]), PANEL])
    }

    /// A tile's exponentials for a split, exp(logit − shift) [split, lanes].
    pub(super) fn exponentials(&self) -> usize {
        self.stored(size::times([self.split, PANEL]))
    }

    /// Scratch of a block of work. A chunk of items [48, padded] where rows of items are not whole vectors; over pairs of bf16 the
    /// logits and the pairs of a chunk, or what is summed by columns.
    fn chunk_scratch(&self) -> usize {
        match self {
            _ if self.bf16 => (BF16_CHUNK * PANEL * 3 / 2).max(size::times([self.width, PANEL])),
            _ if self.width == self.padded => 0,
            _ => size::times([CHUNK, self.padded]),
        }
    }

    /// Words of the items, paired in both ways.
    fn words(&self) -> usize {
        let rows = size::plus([self.items, size::padded(self.items, BF16_CHUNK)]);
        if self.bf16 { size::times([rows, self.width]) / 2 } else { 0 }
    }

    /// The scratch by field: coefficients of all rows; norms by split; panels, shifts, factors and scaled rows of a row block; sums
    /// of two row blocks, by split; exponentials by split; the items in words. Each begins on a cache line where the first does.
    pub(super) fn fields(&self) -> [usize; 10] {
        let rows = self.tiles * PANEL;
        let sums = size::times([self.splits, self.tiles, self.sums()]);
        let exponentials = size::plus([size::times([self.tiles, self.exponentials()]), self.chunk_scratch()]);
        [
            size::padded(self.rows, LANES),
            size::padded(self.splits, LANES),
            size::times([self.tiles, self.panel()]),
            rows,
            rows,
            size::times([self.tiles, self.scaled()]),
            sums,
            sums,
            size::times([self.splits, exponentials]),
            self.words(),
        ]
    }

    /// Scratch in f32.
    pub fn scratch(&self) -> usize {
        size::plus(self.fields())
    }
}
