/** The arrow diagram of docs/architecture.md as rules; test/project/architecture.test.ts compares the two. */

const siblings = ['initializers', 'layers', 'losses', 'metrics', 'optimizers', 'data'];
const below = {
  core: [],
  storage: ['core'],
  engine: ['core'],
  autodiff: ['core', 'engine'],
};
for (const room of siblings) below[room] = ['core', 'engine', 'autodiff'];
below.training = ['core', 'storage', 'engine', 'autodiff', ...siblings];
below.callbacks = [...below.training, 'training'];
below.debug = [...below.training, 'training'];
below.model = [...below.callbacks, 'callbacks', 'debug'];

// The two arrows between siblings.
const exceptions = {
  layers: ['src/initializers/'],
  debug: ['src/callbacks/callback\\.ts$'],
};

const everyRoom = Object.keys(below);
const entries = {
  'container.ts': everyRoom.map((room) => `src/${room}/`),
  'index.ts': [...everyRoom, 'compat'].map((room) => `src/${room}/`).concat('src/container\\.ts$'),
  compat: [...everyRoom, 'compat'].map((room) => `src/${room}/`).concat('src/container\\.ts$'),
  cli: [...everyRoom, 'cli'].map((room) => `src/${room}/`).concat('src/(container|index)\\.ts$'),
};

function arrow(name, allowed) {
  const place = name.endsWith('.ts') ? `${name.replace('.', '\\.')}$` : `${name}/`;
  return {
    name: `arrow-${name.replace('.ts', '')}`,
    comment: `src/${name} imports what stands left of it in docs/architecture.md, and nothing else of src.`,
    severity: 'error',
    from: { path: `^src/${place}` },
    to: { path: '^src/', pathNot: allowed.length > 0 ? `^(${allowed.join('|')})` : '^$' },
  };
}

function onlyFrom(name, from, to, comment) {
  return { name, comment, severity: 'error', from: { path: '^src/', pathNot: from }, to: { path: to } };
}

const packagePath = (name) => `(^|node_modules/)${name}`;

module.exports = {
  forbidden: [
    ...everyRoom.map((room) =>
      arrow(room, [...[...below[room], room].map((left) => `src/${left}/`), ...(exceptions[room] ?? [])]),
    ),
    ...Object.entries(entries).map(([name, allowed]) => arrow(name, allowed)),
    {
      name: 'known-room',
      comment: 'Every file of src stands in a room of docs/architecture.md.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: `^src/((${[...everyRoom, 'cli', 'compat'].join('|')})/|(index|container)\\.ts$)`,
      },
      to: {},
    },
    { name: 'no-cycles', comment: 'Imports form no cycle.', severity: 'error', from: {}, to: { circular: true } },
    onlyFrom(
      'tfjs-only-from-engine-tfjs',
      '^src/engine/tfjs\\.ts$',
      packagePath('@tensorflow/'),
      'One file imports tfjs, so that there is one copy of it; everybody else imports tf from src/engine/tfjs.ts.',
    ),
    onlyFrom(
      'vendor-only-from-engine',
      '^src/engine/',
      '(^|/)vendor/',
      'The bundled kernels register themselves with the tfjs copy of the engine; nobody else loads them.',
    ),
    onlyFrom(
      'inversify-only-from-container',
      '^src/(container\\.ts|core/(tokens|inject[a-z-]*)\\.ts)$',
      packagePath('inversify(/|$)'),
      'Composition happens in one place; nothing inside a call or a step resolves from the container.',
    ),
    onlyFrom(
      'koffi-only-from-engine-ffi',
      '^src/engine/([a-z-]*ffi|[a-z-]*library)[a-z-]*(/|\\.ts$)',
      packagePath('koffi(/|$)'),
      'Foreign calls live behind the FFI files of the engine.',
    ),
    {
      name: 'no-development-packages',
      comment: 'src runs without the development dependencies.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      comment: 'Every import of src leads somewhere.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '(^|/)vendor/'] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
