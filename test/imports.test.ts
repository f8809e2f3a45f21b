import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkImports } from './support/check-imports.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

test('imports of src and workers point down, and every file and import was looked at', async () => {
  const { seen, missed, edges, violations } = checkImports();
  assert.deepEqual(violations, []);
  assert.deepEqual(missed, []);
  const files = globSync('{src,workers}/**/*.{ts,tsx}', { cwd: root });
  assert.equal(seen.length, files.length);
  assert.ok(edges.includes('src/deps.ts -> src/process/config.ts'), 'type-only imports are seen');
  assert.ok(edges.includes('src/open-deps.ts -> src/process/config.ts'));
  // Found a second way, in the text: a parser that skips what it does not understand would find fewer.
  const written = (await Promise.all(files.map(findWrittenImports))).flat();
  const found = edges.filter((edge) => / -> (src|workers)\/.*[.]tsx?$/.test(edge));
  assert.ok(written.length > 100);
  assert.deepEqual(found.toSorted(), written.toSorted());
});

test('an import that points up, or from one dialect or source to another, is reported', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tributary-imports-'));
  try {
    await writeTree(folder, {
      'src/db/table.ts': `import type { Route } from '../api/route.ts';\nexport type Table = Route;\n`,
      'src/api/route.ts': `export interface Route { path: string }\n`,
      'src/dialects/attro/router.ts': `import { shape } from '../affilut/shape.ts';\nexport const router = shape;\n`,
      'src/dialects/affilut/shape.ts': `export const shape = 1;\n`,
      'src/inbound/stripe/normalize.ts': `export { word } from '../postback/word.ts';\n`,
      'src/inbound/postback/word.ts': `export const word = 'x';\n`,
      'src/domain/clock.ts': `import { a } from './a.ts';\nexport const b = a;\n`,
      'workers/main.ts': `import { listen } from '../src/server.ts';\nexport const main = listen;\n`,
      'src/server.ts': `import { app } from './app.ts';\nexport const listen = app;\n`,
      'src/app.ts': `export const app = 1;\n`,
      'src/domain/a.ts': `import { b } from './clock.ts';\nexport const a = b;\n`,
      'src/pipeline/settle-batch.ts': `export { append } from '../inbound/inbox/inbox.ts';\n`,
      'src/inbound/inbox/inbox.ts': `export const append = 1;\n`,
      'src/inbound/conversion/answer.ts': `export { batch } from '../../pipeline/batch.ts';\n`,
      'src/pipeline/batch.ts': `export const batch = 1;\n`,
      'src/pipeline/rules/attribution.ts': `export { rows } from '../rows/order-rows.ts';\nexport { readFileSync } from 'node:fs';\n`,
      'src/pipeline/rows/order-rows.ts': `export const rows = 1;\n`,
      'src/outbound/wire/sign.ts': `export { send } from '../delivery/send.ts';\n`,
      'src/outbound/delivery/send.ts': `export const send = 1;\n`,
      'src/operations/payouts.ts': `import type { Deps } from '../deps.ts';\nexport type Needs = Deps;\n`,
      'src/deps.ts': `export interface Deps { db: string }\n`,
    });
    const { violations } = checkImports(folder);
    assert.ok(violations.includes('db-imports-down: src/db/table.ts -> src/api/route.ts'));
    assert.ok(violations.includes('dialects-apart: src/dialects/attro/router.ts -> src/dialects/affilut/shape.ts'));
    assert.ok(violations.includes('sources-apart: src/inbound/stripe/normalize.ts -> src/inbound/postback/word.ts'));
    assert.ok(violations.includes('pipeline-imports-down: src/pipeline/settle-batch.ts -> src/inbound/inbox/inbox.ts'));
    assert.ok(violations.includes('inbound-imports-down: src/inbound/conversion/answer.ts -> src/pipeline/batch.ts'));
    assert.ok(
      violations.includes(
        'pipeline-rules-imports-down: src/pipeline/rules/attribution.ts -> src/pipeline/rows/order-rows.ts',
      ),
    );
    assert.ok(violations.includes('rules-are-pure: src/pipeline/rules/attribution.ts -> fs'));
    assert.ok(
      violations.includes('outbound-wire-imports-down: src/outbound/wire/sign.ts -> src/outbound/delivery/send.ts'),
    );
    assert.ok(violations.includes('operations-imports-down: src/operations/payouts.ts -> src/deps.ts'));
    assert.ok(violations.includes('worker-without-web: workers/main.ts -> src/app.ts'));
    assert.ok(violations.some((violation) => violation.startsWith('no-cycles: src/domain/')));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** `file -> module` for each .ts module that a file imports or exports from by a relative path. */
async function findWrittenImports(file: string): Promise<string[]> {
  const text = await readFile(join(root, file), 'utf8');
  const paths = [
    ...text.matchAll(/^(?:import|export)\b[^;']*?'(\.{1,2}\/[^']+\.tsx?)'/gm),
    ...text.matchAll(/\bimport\('(\.{1,2}\/[^']+\.tsx?)'\)/g),
  ];
  return [...new Set(paths.map((match) => `${file} -> ${join(dirname(file), match[1] ?? '')}`))];
}

async function writeTree(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}
