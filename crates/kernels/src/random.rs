//! Random bits by counter: a value depends on (seed, draw, index) alone, so masks need no memory and no order.

/// Scrambles a word (the "lowbias32" of Chris Wellons).
#[inline(always)]
pub fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// The random numbers of one (seed, draw).
#[derive(Clone, Copy)]
pub struct Stream(u32, u32);

impl Stream {
    #[inline(always)]
    pub fn new(seed: u32, draw: u32) -> Self {
        let key = mix(seed.wrapping_add(0x9e37_79b9));
        Self(key, mix(draw ^ key))
    }

    /// 32 uniform bits for each index.
    #[inline(always)]
    pub fn bits(self, index: u32) -> u32 {
        mix(mix(index ^ self.0).wrapping_add(self.1))
    }
}

/// 32 uniform bits for (seed, draw, index).
pub fn bits(seed: u32, draw: u32, index: u32) -> u32 {
    Stream::new(seed, draw).bits(index)
}
