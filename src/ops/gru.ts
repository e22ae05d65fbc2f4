import type { Tensor } from '../tensor/tensor.ts'

/**
 * A gated recurrent unit along segments, from zeros in each: r = σ(x_r + h U_r), z = σ(x_z + h U_z), c = tanh(x_c + (r ⊙ h) U_c),
 * h ← h + a z ⊙ (c − h). This is the form of Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014,
 * with r inside the product; cuDNN has it outside.
 * @param x what the inputs give to r, z and c, biases included, [T, 3 D]
 * @param u [D, 3 D]
 * @param offsets i32 [B + 1]
 * @param gate a of each event, [T]: an attention weight makes it AUGRU (Zhou et al., AAAI 2019); without it 1
 * @returns h after each event, [T, D]
 */
export function gru(x: Tensor, u: Tensor, offsets: Tensor, gate?: Tensor): Tensor {
  const a = gate?.id ?? 0
  return x.derive(
    'gru',
    (e) => e.gru(x.id, u.id, a, offsets.id),
    gate ? [x, u, gate] : [x, u],
    (h, dh, e, [gates]) => {
      const [dx, du, da] = Array.from(e.gruGradient(u.id, a, h, gates, dh, offsets.id))
      if (!gate) e.release(da) // empty
      return gate ? [dx, du, da] : [dx, du]
    },
  )
}
