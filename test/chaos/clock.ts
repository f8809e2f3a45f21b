import { globSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../support/apt.ts';

/** The clocks of the hub's processes. */
export interface Clocks {
  /** What sets them: `libfaketime`, or nothing here. */
  kind: 'libfaketime' | 'none';
  environmentOf(process: string): Record<string, string>;
  /** From now on the process's clock is so many seconds ahead (or behind) of ours; timers go on as before. */
  step(process: string, seconds: number): Promise<void>;
}

/**
 * libfaketime stands between a process and its system clock, and reads the offset from a file once a second. The monotonic
 * clock is left alone, as by a step of NTP: https://github.com/wolfcw/libfaketime (read 2026-11)
 */
export async function openClocks(folder: string, names: readonly string[]): Promise<Clocks> {
  const library = await findLibrary();
  if (library === null) return { kind: 'none', environmentOf: () => ({}), step: async () => undefined };
  const fileOf = (name: string): string => join(folder, `${name}.clock`);
  const step = (name: string, seconds: number): Promise<void> =>
    writeFile(fileOf(name), `${seconds < 0 ? seconds : `+${seconds}`}\n`);
  for (const name of names) await step(name, 0);
  return {
    kind: 'libfaketime',
    environmentOf: (name) => ({
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: fileOf(name),
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
    }),
    step,
  };
}

/** No clocks are stepped: the processes run without it. */
export const realClocks: Clocks = { kind: 'none', environmentOf: () => ({}), step: async () => undefined };

async function findLibrary(): Promise<string | null> {
  const install = { package: 'libfaketime', message: 'libfaketime is not there' };
  const folders = globSync('/usr/{lib,lib64}/{*/,}faketime');
  // Its folder comes with it.
  const debian = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime`;
  return findProgram(['libfaketimeMT.so.1'], install, [...folders, debian]).catch(() => null);
}
