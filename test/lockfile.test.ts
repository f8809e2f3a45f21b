import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findLockfileProblems, readLockfile } from './support/check-lockfile.ts';

test('every package is locked with its SHA-512, the Node binary of each platform too', () => {
  const lockfile = readLockfile();
  assert.deepEqual(findLockfileProblems(lockfile), []);
  assert.ok(Object.keys(lockfile.packages).length > 300);
  const { optionalDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    optionalDependencies: Record<string, string>;
  };
  for (const [name, version] of Object.entries(optionalDependencies)) {
    assert.match(name, /^node-/);
    assert.equal(lockfile.packages[`node_modules/${name}`]?.version, version, 'an exact version');
  }
});

test('an entry without one fails the check, and so does what comes from elsewhere', () => {
  const { packages } = readLockfile();
  const express = packages['node_modules/express'];
  assert.ok(express);
  const { integrity: _, ...without } = express;
  for (const [change, problem] of [
    [{ 'node_modules/express': without }, /express: has no SHA-512/],
    [{ 'node_modules/express': { ...express, integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' } }, /has no SHA-512/],
    [{ 'node_modules/express': { ...express, resolved: 'git+ssh://git@example.com/x.git' } }, /comes from git/],
    [{ 'node_modules/express': { ...express, resolved: tarball('http', express) } }, /comes from http:/],
    [{ 'node_modules/express': { ...express, resolved: 'https://example.com/express.tgz' } }, /comes from https:/],
    [{ 'node_modules/node': express }, /node: fetches Node/],
    [{ 'node_modules/express': { link: true } }, /is a link/],
  ] as const) {
    assert.match(findLockfileProblems({ packages: { ...packages, ...change } }).join('\n'), problem);
  }
  const named = { 'node_modules/express': { ...express, resolved: tarball('https', express) } };
  assert.deepEqual(findLockfileProblems({ packages: { ...packages, ...named } }), []);
});

function tarball(protocol: string, { version = '' }: { version?: string }): string {
  return `${protocol}://registry.example.com/express/-/express-${version}.tgz`;
}
