import { readFile } from 'node:fs/promises';
import { isAlive } from '../../src/db/postgres-server.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A process and the ones that it started itself, such as a PostgreSQL server with its sessions. */
export async function listTree(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return [pid, ...children.split(' ').filter(Boolean).map(Number)];
}

/** Sends all of them a signal, the parent first, so that it cannot replace the others. */
export async function signalTree(pid: number, signal: NodeJS.Signals): Promise<void> {
  for (const each of await listTree(pid)) signalProcess(each, signal);
}

/** `kill -9` of all of them; resolves when none is there any more. */
export async function killTree(pid: number): Promise<void> {
  const all = await listTree(pid);
  for (const each of all) signalProcess(each, 'SIGKILL');
  await waitUntil('all of them are gone', async () => !(await Promise.all(all.map(isAlive))).includes(true));
}

/** One that is gone already is none to signal. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
