import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A program that the tests need: from the PATH (or the folders named), else installed by apt-get where that is allowed, else an error with the
 * one line to type.
 */
export async function findProgram(
  names: readonly string[],
  install: { package: string; message: string },
  folders: readonly string[] = [...(process.env.PATH ?? '').split(':'), '/usr/bin', '/usr/local/bin'],
): Promise<string> {
  const present = findIn(folders, names);
  if (present) return present;
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0) {
    console.log(`Installing ${install.package} for the tests (apt-get) ...`);
    await installWithoutStarting(install.package);
    const installed = findIn(folders, names);
    if (installed) return installed;
  }
  throw new Error(install.message);
}

function findIn(folders: readonly string[], names: readonly string[]): string | null {
  for (const folder of folders) {
    for (const name of names) if (folder !== '' && existsSync(join(folder, name))) return join(folder, name);
  }
  return null;
}

/** Debian's packages start their service when installed, unless policy-rc.d forbids it. */
async function installWithoutStarting(packageName: string): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    for (const command of [['update'], ['install', '-y', '--no-install-recommends', packageName]]) {
      const { status, stderr } = spawnSync('apt-get', command, { env, encoding: 'utf8', timeout: 600_000 });
      if (status !== 0) console.error(`apt-get ${command.join(' ')} failed: ${stderr.trim()}`);
    }
  } finally {
    if (ours) await rm(policy, { force: true });
  }
}
