/**
 * Imports point down: workers, server, cli -> dialects -> import -> api -> inbound, pipeline, outbound -> program -> queue -> db -> domain.
 * test/imports.test.ts proves that these rules see the files.
 */
const above = {
  domain: ['db', 'queue', 'program', 'inbound', 'pipeline', 'outbound', 'api', 'import', 'dialects', 'cli'],
  db: ['queue', 'program', 'inbound', 'pipeline', 'outbound', 'api', 'import', 'dialects', 'cli'],
  queue: ['program', 'inbound', 'pipeline', 'outbound', 'api', 'import', 'dialects', 'cli'],
  program: ['inbound', 'pipeline', 'outbound', 'api', 'import', 'dialects', 'cli'],
  '(inbound|pipeline|outbound)': ['api', 'import', 'dialects', 'cli'],
  api: ['import', 'cli'],
  import: ['dialects', 'cli'],
  dialects: ['cli'],
};

module.exports = {
  forbidden: [
    ...Object.entries(above).map(([folder, uppers]) => ({
      name: `${folder}-imports-down`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: `^(src/(${uppers.join('|')})/|src/(server|app)[.]ts|workers/)` },
    })),
    {
      name: 'domain-is-pure',
      comment: 'The domain knows no database, queue or HTTP.',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { path: 'node_modules/(knex|pg|bullmq|ioredis|express|undici)/' },
    },
    {
      name: 'dialects-apart',
      severity: 'error',
      from: { path: '^src/dialects/([^/]+)/' },
      to: { path: '^src/dialects/([^/]+)/', pathNot: '^src/dialects/$1/' },
    },
    {
      name: 'sources-apart',
      comment: 'Vendor words stay in their adapter.',
      severity: 'error',
      from: { path: '^src/inbound/(stripe|revenuecat|postback|conversion)/' },
      to: { path: '^src/inbound/(stripe|revenuecat|postback|conversion)/', pathNot: '^src/inbound/$1/' },
    },
    {
      name: 'worker-without-web',
      comment: 'The routes and the libraries behind them would cost the worker 23 MB and longer collections.',
      severity: 'error',
      from: { path: '^workers/main[.]ts$' },
      to: { path: '^src/app[.]ts$', reachable: true },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^(src|workers)' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
