import { oneLine } from '../../domain/printable.ts';
import type { Problem } from '../../import/records.ts';

const PROBLEMS_SHOWN = 50;

export function describeProblems(problems: readonly Problem[]): string {
  const mistakes = problems.length === 1 ? 'this' : `these ${problems.length.toLocaleString('en')}`;
  return [...describeRows(problems), `Nothing was imported. Mend ${mistakes} and run it again.`].join('\n');
}

/** `affiliates.csv:12 email must be an e-mail address`. */
export function describeRows(problems: readonly Problem[]): string[] {
  const shown = problems.slice(0, PROBLEMS_SHOWN).map(({ at, field, message }) => {
    return oneLine(`${at.file}:${at.row} ${field === null ? '' : `${field} `}${message}`);
  });
  const more = problems.length - shown.length;
  return more > 0 ? [...shown, `… and ${more.toLocaleString('en')} more (--json has all)`] : shown;
}

export function flatten({ at, field, message }: Problem) {
  return { file: at.file, row: at.row, field, message };
}
