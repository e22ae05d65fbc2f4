import { afterEach, describe, expect, it, vi } from 'vitest'

const NATIVE = '../../src/engine/native.ts'
const WASM = '../../src/engine/wasm.ts'

/** selectEngine of fresh modules, under FOCI_ENGINE where one is given. */
async function select(asked?: string) {
  vi.resetModules()
  vi.stubEnv('FOCI_ENGINE', asked)
  const { selectEngine } = await import('../../src/engine/select.ts')
  return selectEngine()
}

function missing(path: string, message: string): void {
  const fail = () => {
    throw new Error(message)
  }
  vi.doMock(path, () => ({ loadNative: fail, loadWasm: fail }))
}

describe('selectEngine', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
    vi.doUnmock(NATIVE)
    vi.doUnmock(WASM)
    vi.unstubAllGlobals()
  })

  it('takes native where it loads', async () => {
    expect((await select()).name).toBe('native')
    expect((await select('')).name).toBe('native')
  })

  it('takes what FOCI_ENGINE says', async () => {
    expect((await select('native')).name).toBe('native')
    expect((await select('wasm')).name).toBe('wasm')
  })

  it('refuses an engine that it does not know', async () => {
    await expect(select('gpu')).rejects.toMatchObject({
      code: 'ENGINE_MISSING',
      message: 'FOCI_ENGINE is "gpu", which is no engine',
      hint: 'Set it to native or wasm, or leave it out.',
    })
  })

  it('refuses variables that say nothing sensible', async () => {
    for (const [name, value] of [
      ['FOCI_THREADS', 'abc'],
      ['FOCI_THREADS', '0'],
      ['FOCI_PROFILE', 'yes'],
      ['FOCI_SIMD', 'sse'],
    ]) {
      vi.stubEnv(name, value)
      await expect(select()).rejects.toMatchObject({ code: 'OPTION', message: `${name} is "${value}".` })
      vi.stubEnv(name, undefined)
    }
  })

  it('takes WebAssembly where native does not load', async () => {
    missing(NATIVE, 'no addon')
    expect((await select()).name).toBe('wasm')
    await expect(select('native')).rejects.toThrow('no addon')
  })

  it('names all that it tried where nothing loads', async () => {
    missing(NATIVE, 'no addon')
    missing(WASM, 'no module')
    await expect(select()).rejects.toMatchObject({ code: 'ENGINE_MISSING', message: 'no addon; no module' })
  })

  it('lists the addons that were looked for on a platform without one', async () => {
    vi.stubGlobal('process', { ...process, platform: 'sunos', arch: 'sparc', env: process.env })
    await expect(select('native')).rejects.toMatchObject({
      code: 'ENGINE_MISSING',
      message:
        'No native engine loads here; tried ../../build/native/foci.sunos-sparc.node (not installed), foci-sunos-sparc (not installed)',
    })
  })
})
