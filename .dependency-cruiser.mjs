// Imports go one way: a room may import from the rooms before it, and nothing else.
const ROOMS = [
  'errors',
  'engine',
  'data',
  'files',
  'read',
  'sample',
  'split',
  'examples',
  'tensor',
  'ops',
  'nn',
  'losses',
  'models',
  'artefact',
  'explain',
  'recommend',
  'evaluate',
  'train',
  'serve',
  'edge',
  'cli',
]

const path = (room) => (room === 'errors' ? '^src/errors\\.ts$' : `^src/${room}/`)

const upwards = ROOMS.slice(0, -1).map((room, at) => ({
  name: `${room}-imports-downwards`,
  comment: `src/${room} may import from ${ROOMS.slice(0, at).join(', ') || 'nothing'} only.`,
  severity: 'error',
  from: { path: path(room) },
  to: {
    path: [
      ...ROOMS.slice(at + 1)
        .filter((other) => !(room === 'serve' && other === 'edge'))
        .map(path),
      '^src/index\\.ts$',
    ],
  },
}))

export default {
  forbidden: [
    ...upwards,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, dependencyTypesNot: ['type-only'] } },
    { name: 'no-strangers', comment: 'Every import resolves.', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
}
