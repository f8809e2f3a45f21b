import { startDemoHub } from '../../src/cli/demo/demo-hub.ts';
import { formatTable } from '../../src/cli/table.ts';
import { runAllPages } from './all.ts';

/**
 * `npm run examples`: the example requests of the five pages by curl, and a table of what came. Against a hub of its own,
 * or against the one of HUB_URL with ADMIN_TOKEN, where it makes a program a page.
 */
const { HUB_URL, ADMIN_TOKEN } = process.env;
const hub =
  HUB_URL && ADMIN_TOKEN
    ? { url: HUB_URL.replace(/\/$/, ''), adminToken: ADMIN_TOKEN, stop: () => Promise.resolve() }
    : await startDemoHub({ dataDir: null, redisUrl: null });
try {
  const results = await runAllPages(hub.url, hub.adminToken);
  const rows = results.map(({ page, name, status, problem }) => [
    page,
    name,
    String(status ?? '-'),
    problem === null ? 'as documented' : 'DIFFERS',
  ]);
  console.log(
    formatTable(
      ['Page', 'Example', 'Status', 'Answer'].map((title) => ({ title })),
      rows,
    ),
  );
  const failures = results.filter(({ problem }) => problem !== null);
  for (const { page, name, problem } of failures) console.log(`\n${page}: ${name}\n${problem}`);
  console.log(`\n${results.length - failures.length} of ${results.length} examples answered as documented.`);
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await hub.stop();
}
