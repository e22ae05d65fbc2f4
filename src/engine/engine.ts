/**
 * What an engine does: tensors by id, and one function an operation. The native addon, the WebAssembly module and the
 * reference of the tests implement it; the operations are those of the table in `crates/engine/src/operations.rs`.
 *
 * Shapes are row-major. Letters: B users, T events, Q queries, D width, H heads, S interests, V catalogue, N negatives,
 * k results. An op checks shapes and ids before it computes (`SHAPE`, `RANGE`, `TENSOR_FREED`) and returns new tensors in
 * the current scope; several results come as a list of ids. Empty extents (T = 0) are valid everywhere, and none is above 2³¹ − 1.
 */
import type { Operations } from './operations.ts'

export type { Operations }

/** A tensor in an engine's arena: slot and generation in one u32. 0 is no tensor, and stands for "none" where allowed. */
export type Id = number
export type Ids = ArrayLike<Id>

/** What products are taken in; their sums are f32. `bf16` rounds each number to the nearest bf16. */
export const precisions = ['f32', 'bf16'] as const
export type Precision = (typeof precisions)[number]

export interface Engine extends Lifetimes, Operations {
  readonly name: 'native' | 'wasm' | 'reference'
}

export interface Lifetimes {
  /** Opens a scope: tensors made from here on belong to it. */
  openScope(): void
  /**
   * Closes the innermost scope and frees its tensors but `kept`, which go to the scope around it. Where one of them is freed
   * already, or no scope is around it (`TENSOR_FREED`, `NO_SCOPE`), the scope closes and keeps nothing.
   */
  closeScope(kept: Uint32Array): void
  /** Frees a tensor or a variable before its time; 0 and freed ids are ignored. */
  release(id: Id): void

  fromFloat32(data: Float32Array, shape: Uint32Array): Id
  fromInt32(data: Int32Array, shape: Uint32Array): Id
  /** A zeroed f32 variable: outside all scopes, until released. */
  variable(shape: Uint32Array): Id
  /** Replaces a variable's values. */
  write(variable: Id, data: Float32Array): void
  /** Weights of an artefact that this process already holds, or 0. Released like a variable; the last release frees them. */
  frozen(artefact: string, name: string): Id
  /** Puts weights into the process under the artefact's hash, read-only, and returns them. */
  freeze(artefact: string, name: string, data: Float32Array, shape: Uint32Array): Id
  /** The same of a copy of a tensor, f32 or i32. */
  freezeTensor(artefact: string, name: string, id: Id): Id

  shape(id: Id): ArrayLike<number>
  /** A copy of the values. */
  readFloat32(id: Id): Float32Array
  readInt32(id: Id): Int32Array

  /** [bytes of live tensors, bytes kept for reuse, allocations so far]. Allocations stand still in a steady loop. */
  memory(): ArrayLike<number>
  /** `portable`, `avx2`, `avx512` or `simd128`. */
  instructions(): string
  /** Threads of the process's pool; 1 in WebAssembly. */
  threads(): number
  /** From here on losses multiply in this precision where the CPU gains by it, else in f32. Returns whether it does. */
  usePrecision(precision: Precision): boolean
  /** Sizes the process's pool, before its first use. */
  setThreads(threads: number): void
  /** From here on this thread computes alone: for threads that share the cores in another way than by the pool. */
  workAlone(): void
  /**
   * Runs rounds of multiply-adds in registers on every thread, and returns how many f32 operations they were: in a second of
   * it, the peak of products.
   */
  multiplyAdds(rounds: number): number
}
