import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { createFreshener, findNewestMs, freshenMessage, freshenPairs, walk } from './freshen.ts';

/** A recorded message: the body of a POST, or the query string of a GET. */
export interface Fixture {
  /** The file, as it was asked for. */
  file: string;
  kind: 'json' | 'form' | 'query';
  text: string;
}

/** What the ids in fixtures that belong to the receiving hub are to be; absent ones stay as they are. */
export interface Replacements {
  affiliate?: string | undefined;
  clickId?: string | undefined;
}

const kinds: Record<string, Fixture['kind']> = { '.json': 'json', '.form': 'form', '.query': 'query' };

/**
 * Reads files, and of folders all files below them by name, which is the order in which the messages usually arrive.
 * Throws where a file is missing or none is found.
 */
export async function readFixtures(paths: readonly string[]): Promise<Fixture[]> {
  const fixtures: Fixture[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (!found) throw new Error(`There is no file or folder ${path}`);
    const files = found.isDirectory() ? await listFiles(path) : [path];
    for (const file of files) {
      const kind = kinds[extname(file)];
      // Single lines end with a line feed as files do; the message does not.
      if (kind) fixtures.push({ file, kind, text: (await readFile(file, 'utf8')).replace(/\n$/, '') });
      else if (!found.isDirectory()) throw new Error(`${file} is neither .json nor .form nor .query`);
    }
  }
  if (fixtures.length === 0) throw new Error(`There is no .json, .form or .query file in ${paths.join(', ')}`);
  return fixtures;
}

/**
 * Fills in whose the messages are: the placeholders `__CLICK_ID__` and `__AFFILIATE_ID__`, and in JSON the members by
 * which Stripe's metadata and RevenueCat's attributes name clicks and affiliates. Throws where a placeholder is left.
 */
export function fillFixture(fixture: Fixture, { affiliate, clickId }: Replacements): Fixture {
  let { text } = fixture;
  if (clickId !== undefined) text = text.replaceAll('__CLICK_ID__', clickId);
  if (affiliate !== undefined) text = text.replaceAll('__AFFILIATE_ID__', affiliate);
  const left = /__([A-Z_]+)__/.exec(text)?.[0];
  if (left !== undefined) {
    const option = left === '__CLICK_ID__' ? '--click' : '--affiliate';
    throw new Error(`${fixture.file} has the placeholder ${left}: say what stands there with ${option}`);
  }
  if (fixture.kind === 'json' && (affiliate ?? clickId) !== undefined) {
    const replaced = (name: string, leaf: unknown): unknown => {
      if (typeof leaf !== 'string') return leaf;
      if (name === 'affiliate_id') return affiliate ?? leaf;
      return clickNames.has(name) ? (clickId ?? leaf) : leaf;
    };
    text = rewriteJson(fixture, text, (message) => walk(message, replaced));
  }
  return { ...fixture, text };
}

const clickNames = new Set(['click_id', 'affiliate_session_id', 'client_reference_id']);

/** The same messages as if they happened now for the first time: new ids, the same in all of them; the newest is of now. */
export function freshenFixtures(fixtures: readonly Fixture[], now: Date): Fixture[] {
  const newest = fixtures.map((fixture) => (fixture.kind === 'json' ? findNewestMs(parseFixture(fixture)) : null));
  const known = newest.filter((ms) => ms !== null);
  const freshener = createFreshener(known.length > 0 ? Math.max(...known) : null, now);
  return fixtures.map((fixture) => ({
    ...fixture,
    text:
      fixture.kind === 'json'
        ? rewriteJson(fixture, fixture.text, (message) => freshenMessage(message, freshener))
        : freshenPairs(fixture.text, freshener),
  }));
}

function rewriteJson(fixture: Fixture, text: string, rewrite: (message: unknown) => unknown): string {
  return JSON.stringify(rewrite(parseFixture({ ...fixture, text })), null, 2);
}

function parseFixture({ file, text }: Fixture): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not valid JSON, and can only be sent as it is`, { cause });
  }
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && extname(entry.name) in kinds)
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
