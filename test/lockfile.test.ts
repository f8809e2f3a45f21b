import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';

interface LockedPackage {
  version?: string;
  optionalDependencies?: Record<string, string>;
}

/**
 * npm leaves out of the lockfile what the registry did not have at the time, and `npm ci` then refuses the lockfile as
 * out of step: on every machine, also where that package is for another platform.
 */
test('the lockfile has an entry for every optional package of every platform', async () => {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as { packages: Record<string, LockedPackage> };
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !isLocked(lock.packages, path, name)),
  );
  assert.ok(Object.keys(lock.packages).length > 200);
  assert.deepEqual(missing, []);
});

/** As Node resolves a package: beside its user, else further up. */
function isLocked(packages: Record<string, LockedPackage>, user: string, name: string): boolean {
  for (let folder = user; ; folder = dirname(folder)) {
    const path = `${folder === '' || folder === '.' ? '' : `${folder}/`}node_modules/${name}`;
    if (packages[path]?.version !== undefined) return true;
    if (folder === '' || folder === '.') return false;
  }
}
