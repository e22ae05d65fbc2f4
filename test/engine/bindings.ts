import type { Engine } from '../../src/engine/engine.ts'
import { loadNative } from '../../src/engine/native.ts'
import { loadWasm } from '../../src/engine/wasm.ts'

/** What the bindings export for tests alone. */
export interface Debuggable {
  debugPanic(): void
}

/** The compiled engines by name; each load gives this thread's. */
export const bindings: readonly (readonly [name: 'native' | 'wasm', load: () => Promise<Engine & Debuggable>])[] = [
  ['native', async () => debuggable(loadNative())],
  ['wasm', async () => debuggable(await loadWasm())],
]

function debuggable(engine: Engine): Engine & Debuggable {
  if (!('debugPanic' in engine)) throw new Error('the binding lacks debugPanic')
  return engine as Engine & Debuggable
}
