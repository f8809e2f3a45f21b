import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** What processes have cost, and hold, as the kernel says (Linux). */
export interface Costs {
  /** Of the processes and of their children, also those that have ended. */
  cpuSeconds: number;
  /** Memory, with what several share counted in parts (PSS), in MB (10^6 bytes). */
  memoryMb: number;
  /** The same without pages of files, such as programs: those the system takes back when it needs them. */
  ownMemoryMb: number;
}

export async function sumCosts(pids: readonly number[]): Promise<Costs> {
  const costs = await Promise.all(pids.map(costsOf));
  return {
    cpuSeconds: costs.reduce((sum, one) => sum + one.cpuSeconds, 0),
    memoryMb: costs.reduce((sum, one) => sum + one.memoryMb, 0),
    ownMemoryMb: costs.reduce((sum, one) => sum + one.ownMemoryMb, 0),
  };
}

/** A process with all that it started, as a PostgreSQL with its sessions. */
export async function costsOf(pid: number): Promise<Costs> {
  const costs = { cpuSeconds: 0, memoryMb: 0, ownMemoryMb: 0 };
  for (const one of await familyOf(pid)) {
    costs.cpuSeconds += await readCpuSeconds(one, one === pid);
    const rollup = await readFile(`/proc/${one}/smaps_rollup`, 'utf8').catch(() => '');
    costs.memoryMb += mbOf(rollup, 'Pss');
    costs.ownMemoryMb += mbOf(rollup, 'Pss_Anon') + mbOf(rollup, 'Pss_Shmem');
  }
  return costs;
}

/** It, its children and theirs. */
async function familyOf(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readStat(Number(name));
    if (stat) parents.set(Number(name), Number(stat[1]));
  }
  const family = [pid];
  for (const member of family) {
    for (const [child, parent] of parents) if (parent === member) family.push(child);
  }
  return family;
}

async function readCpuSeconds(pid: number, withEnded: boolean): Promise<number> {
  const stat = await readStat(pid);
  if (!stat) return 0;
  // utime, stime and those of children that were waited for: proc_pid_stat(5), from its third field on.
  const ticks = [11, 12, ...(withEnded ? [13, 14] : [])].reduce((sum, at) => sum + Number(stat[at]), 0);
  return ticks / (await ticksPerSecond());
}

/** The fields after the name, which may hold anything. Null: the process is gone. */
async function readStat(pid: number): Promise<string[] | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return text === null ? null : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function mbOf(rollup: string, field: string): number {
  return (Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(rollup)?.[1] ?? 0) * 1024) / 1e6;
}

let ticks: Promise<number> | null = null;

function ticksPerSecond(): Promise<number> {
  ticks ??= promisify(execFile)('getconf', ['CLK_TCK']).then(({ stdout }) => Number(stdout));
  return ticks;
}
