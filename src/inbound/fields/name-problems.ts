import { isMacro } from '../../domain/unreplaced-macros.ts';
import { defaultFieldNames, foldName } from './names.ts';
import { toPath } from './path-names.ts';

/**
 * What is wrong with a name that a source says its sender uses for `ours`: one that no message can have would lose what it
 * stands for without a word. Null: nothing.
 */
export function findNameProblem(theirs: string, ours: string): string | null {
  if (/[?&=]/.test(theirs)) return 'must be the name alone, without ?, & and =';
  if (isMacro(theirs)) return 'is a macro: give the name of the parameter that it fills';
  const path = toPath(theirs);
  if (/^\$|\*|\.\.\.|\[[^\]]*$/.test(path)) return 'must be a path of names and numbers, such as data.id or items.0.id';
  const steps = path.split('.');
  if (theirs.endsWith('.') || steps.some((step) => step.trim() === ''))
    return 'has an empty step: write a path as data.id or items.0.id';
  const isKey = defaultFieldNames.get(foldName(ours.replace(/\?+$/, '')))?.field === 'secure';
  return isKey && steps.length > 1 ? 'is a path, and a key is only looked for at the top of a message' : null;
}
