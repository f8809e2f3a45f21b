import { printable } from '../domain/printable.ts';

/** A result, on standard output. Commands print by this and by `printError` alone: what they show came from anybody. */
export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** What is not the result: progress, hints, mistakes. */
export function printError(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}
