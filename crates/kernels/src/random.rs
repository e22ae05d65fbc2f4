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

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn bits_are_those_of_the_typescript_side() {
        assert_eq!(
            [0, 1, 2, 0xffff_ffff, 0x8000_0000].map(mix),
            [0, 0x6889_90c0, 0xd113_2181, 0x6768_824a, 0xcc4b_4124]
        );
        assert_eq!(bits(0, 0, 0), 0x7964_6377);
        assert_eq!(bits(1, 2, 3), 0x67e8_1b76);
        assert_eq!(bits(u32::MAX, u32::MAX, u32::MAX), 0xf84c_34e5);
    }

    #[test]
    fn bits_are_balanced_and_differ_by_seed_and_draw() {
        let n = if cfg!(miri) { 400 } else { 40_000 };
        for position in [0, 7, 16, 31] {
            let ones = (0..n).filter(|&i| bits(1, 2, i) >> position & 1 == 1).count();
            // Five standard deviations of a fair coin.
            assert!((ones as f64 - f64::from(n) / 2.0).abs() < 2.5 * f64::from(n).sqrt(), "bit {position}: {ones}");
        }
        let same = |a: (u32, u32), b: (u32, u32)| (0..n).filter(|&i| bits(a.0, a.1, i) == bits(b.0, b.1, i)).count();
        assert_eq!(same((1, 2), (2, 2)) + same((1, 2), (1, 3)) + same((1, 2), (2, 1)), 0);
        assert_eq!(same((1, 2), (1, 2)), n as usize);
    }
}
