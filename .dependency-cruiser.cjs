/**
 * The order of the rooms, bottom to top: each imports only what stands before it; rooms in one line import nothing of each
 * other. This is the one place where it is written; test/imports.test.ts proves that the rules see the files.
 */
const rooms = [
  ['src/domain/'],
  ['src/process/'],
  ['src/db/'],
  ['src/queue/'],
  ['src/statistics/'],
  ['src/program/'],
  ['src/ledger/'],
  ['src/http/'],
  ['src/outbound/'],
  ['src/pipeline/', 'src/inbound/'],
  ['src/audit/'],
  ['src/operations/'],
  ['src/deps[.]ts'],
  ['src/api/'],
  ['src/import/'],
  ['src/dialects/'],
  ['src/docs/'],
  ['src/console/'],
  ['src/cli/', 'src/open-deps[.]ts', 'src/app[.]ts'],
  ['src/server[.]ts', 'workers/'],
];

/** The same within the two largest rooms. Files beside the folders stand above them. */
const outbound = ['guard', 'wire', 'events', 'postbacks', 'endpoints', 'messages', 'delivery', 'recovery'];
const pipeline = ['rules', 'rows', 'work', 'orders', 'credit', 'store'];

const nameOf = (room) => room.replace(/^src\/|[/]$|[[\]]/g, '').replace(/[/]/g, '-');

/** One rule a room: what stands above it or beside it is out of its reach. */
function importsDown(order) {
  return order
    .flatMap((line, at) =>
      line.map((room) => {
        const others = [...line.filter((other) => other !== room), ...order.slice(at + 1).flat()];
        return {
          name: `${nameOf(room)}-imports-down`,
          severity: 'error',
          from: { path: `^${room}` },
          to: { path: `^(${others.join('|')})` },
        };
      }),
    )
    .filter(({ to }) => to.path !== '^()');
}

const folders = (room, names) => [...names.map((name) => [`src/${room}/${name}/`]), [`src/${room}/[^/]+[.]ts`]];

module.exports = {
  forbidden: [
    ...importsDown(rooms),
    ...importsDown(folders('outbound', outbound)),
    ...importsDown(folders('pipeline', pipeline)),
    {
      name: 'domain-is-pure',
      comment: 'The domain and the rules about money know no database, queue or HTTP.',
      severity: 'error',
      from: { path: '^src/(domain|pipeline/rules)/' },
      to: { path: 'node_modules/(knex|pg|bullmq|ioredis|express|undici)/' },
    },
    {
      name: 'rules-are-pure',
      comment: 'The rules about money are functions of what they are given.',
      severity: 'error',
      from: { path: '^src/pipeline/rules/' },
      to: { pathNot: '^src/(domain|pipeline/rules)/' },
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
      from: { path: '^src/inbound/(stripe|revenuecat|postback|conversion|import)/' },
      to: { path: '^src/inbound/(stripe|revenuecat|postback|conversion|import)/', pathNot: '^src/inbound/$1/' },
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
      extensions: ['.ts', '.tsx', '.js', '.cjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
