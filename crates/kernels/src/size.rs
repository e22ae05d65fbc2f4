//! Sizes of scratch. They saturate: whoever asks for `usize::MAX` numbers is refused, where a size that wrapped would pass.

/// The product of all factors.
pub fn times<const N: usize>(factors: [usize; N]) -> usize {
    factors.into_iter().fold(1, usize::saturating_mul)
}

/// The sum of all terms.
pub fn plus<const N: usize>(terms: [usize; N]) -> usize {
    terms.into_iter().fold(0, usize::saturating_add)
}

/// The least multiple of `unit` that is not below `size`.
pub fn padded(size: usize, unit: usize) -> usize {
    times([size.div_ceil(unit), unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::bf16::Precision;
    use crate::views::testing::vector;
    use crate::{cross_entropy, layer_norm, product, reduce, sampled_softmax, top_k};

    #[test]
    fn small_sizes_are_what_they_are() {
        assert_eq!((times([2, 3, 7]), plus([2, 3, 7])), (42, 12));
        assert_eq!([0, 1, 16, 17].map(|size| padded(size, 16)), [0, 16, 16, 32]);
    }

    #[test]
    fn no_scratch_wraps() {
        let huge = usize::MAX / 64;
        let sizes = [
            product::linear_scratch(1, huge, 65),
            product::linear_input_gradient_scratch(1, 65, huge),
            product::linear_weight_gradient_scratch(1 << 20, huge, 64),
            product::inner_scratch(1, 65, huge),
            reduce::sum_rows_scratch(huge, huge),
            layer_norm::layer_norm_gradient_scratch(huge, huge),
            cross_entropy::cross_entropy_scratch(huge, huge, huge, Precision::F32),
            cross_entropy::cross_entropy_scratch(huge, huge, huge / 32 * 32, Precision::Bf16),
            sampled_softmax::sampled_softmax_scratch(65, 65, huge, Precision::F32),
            top_k::top_k_scratch(vector(&[0, 1]), (1, huge), true, 1)[2],
        ];
        assert_eq!(sizes, [usize::MAX; 10]);
    }
}
