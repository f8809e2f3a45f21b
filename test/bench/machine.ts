import { execFile } from 'node:child_process';
import { cpus, release, totalmem, type } from 'node:os';
import { promisify } from 'node:util';
import { findBinaries, findServerUser } from '../../src/db/postgres-binaries.ts';

/** On what figures were measured: without it they say little. Nothing that tells whose machine it is. */
export async function describeMachine(date = new Date()): Promise<Record<string, string>> {
  const { postgres } = await findBinaries(findServerUser());
  return {
    date: date.toISOString().slice(0, 10),
    cores: String(cpus().length),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memory: `${Math.round(totalmem() / 1e9)} GB`,
    system: `${type()} ${release().replace(/[-+].*/, '')}`,
    node: process.version,
    postgresql: await versionOf(postgres),
    redis: await versionOf('redis-server').catch(() => versionOf('valkey-server').catch(() => 'none')),
  };
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await promisify(execFile)(program, ['--version']);
  return /\d+(?:\.\d+)+/.exec(stdout)?.[0] ?? stdout.trim();
}
