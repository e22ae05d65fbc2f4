import { EXPONENTIALS, fixed, ROUNDINGS, real, type Sample, SUMS, samples } from './samples.ts'

/** [rows, width] around the widths of lanes and blocks, and more ranks. */
// biome-ignore format: a table
const shapes = [
  [0, 1], [0, 64], [1, 1], [3, 1], [1, 7], [5, 7], [16, 16], [17, 17], [7, 15], [3, 16], [4, 31], [2, 33],
  [1, 64], [65, 64], [64, 65], [9, 100], [2, 257], [3, 1000], [300, 5], [7], [100], [2, 3, 4], [2, 0, 5], [517, 7],
]
const wide = shapes.filter((shape) => shape[shape.length - 1] > 1)
const width = (shape: readonly number[]): number => shape[shape.length - 1]
const INFINITE = Number.NEGATIVE_INFINITY

export const rows: Sample[] = [
  ...samples('addRow', ROUNDINGS, shapes, (shape) => ({
    inputs: [real(shape), real([width(shape)])],
    run: (e, [x, row]) => [e.addRow(x, row)],
    gradient: (e, _, __, dy) => [dy, e.sumRows(dy)],
  })),
  ...samples('sumRows', SUMS, shapes, (shape) => ({
    inputs: [real(shape)],
    run: (e, [x]) => [e.sumRows(x)],
  })),
  ...samples('sum', ROUNDINGS, shapes, (shape) => ({
    inputs: [real(shape)],
    run: (e, [x]) => [e.sum(x)],
  })),
  ...samples('softmax', EXPONENTIALS, shapes, (shape) => ({
    inputs: [real(shape, 3)],
    run: (e, [x]) => [e.softmax(x)],
    gradient: (e, _, [y], dy) => [e.softmaxGradient(y, dy)],
  })),
  ...samples('softmax', EXPONENTIALS, ['rows of −∞', 'far logits'], (what) => ({
    inputs: [
      what === 'far logits'
        ? fixed([2, 3], [1e4, 1e4 - 1, -1e4, -3e38, 3e38, 0])
        : fixed([3, 3], [INFINITE, INFINITE, INFINITE, 0, INFINITE, 1, 2, 3, 4]),
    ],
    run: (e, [x]) => [e.softmax(x)],
  })),
  // One column leaves nothing to normalise: x − mean is 0, and the gradient is taken where it is smooth
  ...samples('layerNorm', SUMS, [...wide, [1, 2], [4, 3]], (shape) => ({
    inputs: [real(shape), real([width(shape)]), real([width(shape)])],
    run: (e, [x, gain, bias]) => [e.layerNorm(x, gain, bias, 1e-5)],
    gradient: (e, [x, gain], _, dy) => Array.from(e.layerNormGradient(x, gain, dy, 1e-5)),
  })),
  ...samples('layerNorm', ROUNDINGS, ['one column', 'equal columns'], (what) => ({
    inputs: what === 'one column' ? [real([5, 1]), real([1]), real([1])] : [fixed([2, 3], [1, 1, 1, -2, -2, -2]), real([3]), real([3])],
    run: (e, [x, gain, bias]) => [e.layerNorm(x, gain, bias, 1e-8)],
  })),
  ...samples('normalize', SUMS, shapes, (shape) => ({
    inputs: [real(shape)],
    run: (e, [x]) => [e.normalize(x)],
    gradient: (e, [x], _, dy) => [e.normalizeGradient(x, dy)],
  })),
  ...samples('normalize', ROUNDINGS, ['zeros and less than the floor'], () => ({
    inputs: [fixed([3, 2], [0, 0, 3e-7, -4e-7, 3, 4])],
    run: (e, [x]) => [e.normalize(x)],
  })),
]
