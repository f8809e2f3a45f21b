import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { nativeRoutes } from '../../src/api/native.ts';
import { buildOpenApi } from '../../src/api/openapi.ts';
import { conversionAliases } from '../../src/inbound/fields/names.ts';
import { presets } from '../../src/inbound/postback/presets.ts';

/** Every document that people read in the repository. */
const documents = [
  'README.md',
  'CHANGELOG.md',
  '.env.example',
  ...globSync(['.github/*.md', 'src/docs/*.md', 'src/**/README.md', 'fixtures/*/README.md']),
].filter((file, index, all) => all.indexOf(file) === index);

/** What looks like a path of the repository: it begins with a folder that is there, or is a dotfile of ours. */
const PATH =
  /(?<![\w./~-])((?:src|workers|test|migrations|fixtures)\/[\w.*{},/-]*[\w*}]|\.github\/[\w./-]*\w|\.ci\/\w+|\.dependency-cruiser\.cjs|\.env\.example|\.nvmrc)/g;

describe('the documents', () => {
  for (const document of documents) {
    test(`${document}: every path and every file that it links to exists`, async () => {
      const text = await readFile(document, 'utf8');
      for (const [, path = ''] of text.matchAll(PATH)) {
        // NAME, KIND and NNN_name stand for any.
        const pattern = path.replace(/\b(?:NAME|KIND|NNN_name)\b/g, '*');
        const found = /[*{]/.test(pattern) ? globSync(pattern).length > 0 : existsSync(pattern);
        assert.ok(found, `there is no ${path}`);
      }
      for (const [, href = ''] of text.matchAll(/\]\((?!https?:|#)([^)\s]+)\)/g)) {
        const [file = '', fragment] = href.split('#');
        const path = join(dirname(document), file);
        assert.ok(existsSync(path), `there is no ${href}`);
        if (fragment !== undefined) assert.ok((await slugsOf(path)).has(fragment), `there is no ${href}`);
      }
    });
  }

  test('.env.example names exactly the settings, commented out, with their defaults', async () => {
    const source = await readFile('src/process/config.ts', 'utf8');
    const settings = [...source.matchAll(/^ {2}([A-Z][A-Z_]+): (.*(?:\n {4}.*)*)/gm)];
    assert.ok(settings.length > 15);
    const lines = (await readFile('.env.example', 'utf8')).split('\n').filter((line) => /^#? ?[A-Z_]+=/.test(line));
    const named = new Map(lines.map((line) => line.slice(2).split('=', 2) as [string, string]));
    assert.deepEqual(
      lines.filter((line) => !line.startsWith('# ')),
      [],
    );
    assert.equal(lines.length, named.size);
    assert.deepEqual(new Set(named.keys()), new Set(settings.map(([, name]) => name)));
    const [, schedule = ''] = /defaultRetrySchedule = '([^']+)'/.exec(source) ?? [];
    for (const [, name = '', rule = ''] of settings) {
      const preset = /\.prefault\((?:'([^']*)'|(defaultRetrySchedule))\)/.exec(rule);
      if (preset) assert.equal(named.get(name), preset[2] ? schedule : preset[1], name);
    }
  });

  test('the rooms stand in the architecture in the order that the check of imports holds', async () => {
    const { forbidden } = createRequire(import.meta.url)('../../.dependency-cruiser.cjs') as {
      forbidden: { name: string }[];
    };
    const rules = forbidden.flatMap(({ name }) => /^([a-z.-]+)-imports-down$/.exec(name)?.[1] ?? []);
    const rooms = rules.slice(0, rules.indexOf('outbound-guard')).map((name) => name.replace(/[.]ts$/, ''));
    assert.ok(rooms.length > 20);
    const text = await readFile('src/docs/architecture.md', 'utf8');
    const [, table = ''] = /^## Rooms$(.*?)^Words of a vendor/ms.exec(text) ?? [];
    const named = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w-]+)`/g)].map(([, name]) => name),
    );
    assert.deepEqual(
      named.filter((name) => rooms.includes(name ?? '')),
      rooms,
    );
  });

  test('every call of the native API that a document names exists', async () => {
    const { paths = {} } = buildOpenApi(nativeRoutes, 'http://localhost:3000');
    const known = new Set(
      Object.entries(paths).flatMap(([path, item]) =>
        Object.keys(item ?? {}).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '{}')}`),
      ),
    );
    let found = 0;
    for (const document of documents.filter((file) => !/moving-from|dialects\.md|importing\.md/.test(file))) {
      const text = await readFile(document, 'utf8');
      for (const [, method, path = ''] of text.matchAll(/`(GET|POST|PATCH|DELETE) (\/api\/v1\/[^`?]*)/g)) {
        assert.ok(known.has(`${method} ${path.replaceAll('/ID', '/{}')}`), `${document}: ${method} ${path}`);
        found += 1;
      }
    }
    assert.ok(found > 10);
  });

  test('the table of field names is the one that messages are read by', async () => {
    const text = await readFile('src/docs/sources.md', 'utf8');
    const [, table = ''] = /^## Names of fields$(.*?)^## /ms.exec(text) ?? [];
    const told = [...table.matchAll(/^\| [^|`]+ \| ([^|]+) \|$/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    assert.deepEqual(told, Object.values(conversionAliases).flat());
    for (const { name } of presets) assert.ok(text.includes(name), name);
  });
});

/** Ids of headings, as the sites that show repositories make them. */
async function slugsOf(file: string): Promise<Set<string>> {
  const headings = (await readFile(file, 'utf8')).matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
