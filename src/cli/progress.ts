import { printError } from './terminal.ts';

const EVERY_MS = 2_000;

/** Shows how far long work is: a line on standard error every two seconds, so that standard output is the result's alone. */
export function lineEveryTwoSeconds<Progress>(describe: (progress: Progress) => string): (progress: Progress) => void {
  let last = Date.now();
  return (progress) => {
    if (Date.now() - last < EVERY_MS) return;
    last = Date.now();
    printError(`… ${describe(progress)}`);
  };
}

/** Bytes as people read them: `3.2 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1_000 ** step).toLocaleString('en', { maximumFractionDigits: step === 0 ? 0 : 1 })} ${units[step]}`;
}

export function formatCount(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}
