import type { Engine, Id, Operations } from '../../../src/engine/engine.ts'
import { apart, fixed, ROUNDINGS, real, type Sample, samples } from './samples.ts'

/** Lengths around the widths of lanes and blocks, and shapes of other ranks, empty ones among them. */
// biome-ignore format: a table
const shapes = [
  [], [0], [1], [2], [3], [7], [8], [15], [16], [17], [31], [33], [64], [65], [100], [257], [1000], [4097],
  [0, 5], [3, 0], [1, 1], [7, 9], [5, 64], [2, 3, 4], [70_001],
]

type Unary = { [Op in keyof Operations]: Operations[Op] extends (x: Id) => Id ? Op : never }[keyof Operations]
type Binary = { [Op in keyof Operations]: Operations[Op] extends (x: Id, dy: Id) => Id ? Op : never }[keyof Operations]

/** A function of each element; its gradient reads the input, or the output. */
const unary = (op: Unary, gradient: Binary, from: 'input' | 'output'): Sample[] => [
  ...samples(op, ROUNDINGS, shapes, (shape) => ({
    inputs: [apart(shape)],
    run: (e, [x]) => [e[op](x)],
    gradient: (e: Engine, [x], [y], dy) => [e[gradient](from === 'input' ? x : y, dy)],
  })),
  // Far out, where exponentials overflow or vanish: results within a rounding of 1, and never NaN
  ...samples(op, ROUNDINGS, [[-100, -88, -30, -10, -6, -3, -1e-3, -1e-30, 0, 1e-30, 1e-3, 3, 6, 10, 30, 88, 100]], (values) => ({
    inputs: [fixed([values.length], values)],
    run: (e, [x]) => [e[op](x)],
  })),
]

export const elementwise: Sample[] = [
  ...samples('add', ROUNDINGS, shapes, (shape) => ({
    inputs: [real(shape), real(shape)],
    run: (e, [a, b]) => [e.add(a, b)],
    gradient: (_, __, ___, dy) => [dy, dy],
  })),
  ...samples('multiply', ROUNDINGS, shapes, (shape) => ({
    inputs: [real(shape), real(shape)],
    run: (e, [a, b]) => [e.multiply(a, b)],
    gradient: (e, [a, b], _, dy) => [e.multiply(b, dy), e.multiply(a, dy)],
  })),
  ...samples('scale', ROUNDINGS, shapes, (shape) => ({
    inputs: [real(shape)],
    run: (e, [x]) => [e.scale(x, -1.7)],
    gradient: (e, _, __, dy) => [e.scale(dy, -1.7)],
  })),
  ...samples('scaleBy', ROUNDINGS, shapes, (shape) => ({
    inputs: [real(shape), real([])],
    run: (e, [x, s]) => [e.scaleBy(x, s)],
    gradient: (e, [x, s], _, dy) => [e.scaleBy(dy, s), e.sum(e.multiply(x, dy))],
  })),
  ...unary('relu', 'reluGradient', 'input'),
  ...unary('gelu', 'geluGradient', 'input'),
  ...unary('silu', 'siluGradient', 'input'),
  ...unary('sigmoid', 'sigmoidGradient', 'output'),
  ...unary('tanh', 'tanhGradient', 'output'),
  ...samples('softplus', ROUNDINGS, shapes, (shape) => ({
    inputs: [real(shape, 3)],
    run: (e, [x]) => [e.softplus(x)],
    gradient: (e, [x], _, dy) => [e.multiply(dy, e.sigmoid(x))],
  })),
  ...samples(
    'dropout',
    ROUNDINGS,
    shapes.flatMap(
      (shape) =>
        [
          [0.5, shape],
          [0.1, shape],
        ] as const,
    ),
    ([rate, shape]) => ({
      inputs: [apart(shape)],
      run: (e, [x]) => [e.dropout(x, rate, 0xfedcba98, shape.length + 7)],
      gradient: (e, _, __, dy) => [e.dropout(dy, rate, 0xfedcba98, shape.length + 7)],
    }),
  ),
  ...samples('dropout', ROUNDINGS, [0, 0.001, 0.999], (rate) => ({
    inputs: [apart([1000])],
    run: (e, [x]) => [e.dropout(x, rate, 1, 0xffffffff)],
  })),
]
