import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ImportCheck {
  /** Files of src and workers that dependency-cruiser read, of those that there are. */
  seen: string[];
  missed: string[];
  /** `from -> to` of each import among them; type-only imports too. */
  edges: string[];
  /** `rule: from -> to`. */
  violations: string[];
}

interface CruiseResult {
  modules: { source: string; dependencies: { resolved: string }[] }[];
  summary: { violations: { from: string; to: string; rule: { name: string } }[] };
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'node_modules/.bin/depcruise');

/** Checks the direction of imports below `folder` by the rules of .dependency-cruiser.cjs. */
export function checkImports(folder: string = root): ImportCheck {
  const tops = ['src', 'workers'].filter((top) => globSync(top, { cwd: folder }).length > 0);
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [program, ...tops, '--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json'],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (!stdout.startsWith('{')) throw new Error(`dependency-cruiser failed: ${stderr || stdout}`);
  const { modules, summary } = JSON.parse(stdout) as CruiseResult;
  const ours = modules.filter(({ source }) => /^(src|workers)\//.test(source));
  const seen = new Set(ours.map(({ source }) => source));
  const files = globSync('{src,workers}/**/*.{ts,tsx}', { cwd: folder });
  return {
    seen: files.filter((file) => seen.has(file)),
    missed: files.filter((file) => !seen.has(file)),
    // A file that imports both a type and a value from another has two dependencies there.
    edges: [
      ...new Set(
        ours.flatMap(({ source, dependencies }) => dependencies.map(({ resolved }) => `${source} -> ${resolved}`)),
      ),
    ],
    violations: summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} -> ${to}`),
  };
}

if (import.meta.main) {
  // A parser that reads nothing finds nothing wrong, and dependency-cruiser exits 0 then.
  const { seen, missed, violations } = checkImports();
  for (const violation of violations) console.error(violation);
  for (const file of missed) console.error(`not read: ${file}`);
  console.log(`imports: ${seen.length} files read, ${missed.length} not read, ${violations.length} violations`);
  if (seen.length === 0 || missed.length > 0 || violations.length > 0) process.exitCode = 1;
}
