import { stripInvisible } from './codes.ts';

/**
 * What senders put where they have no value: words of their languages, the result of a failed conversion, a stand-in for
 * buyers without an account. They are the same text for everybody, so they name nobody and nothing. The one list of the hub.
 */
export const PLACEHOLDERS: readonly string[] = [
  '0',
  '-1',
  'null',
  'undefined',
  'none',
  'nil',
  'NaN',
  'N/A',
  'guest',
  'anonymous',
  'unknown',
  '[object Object]',
  '00000000-0000-0000-0000-000000000000',
];

const folded: ReadonlySet<string> = new Set(PLACEHOLDERS.map((word) => word.toLowerCase()));
/** `"null"`, `'undefined'`, `(null)`, and the braces around a GUID. */
const wrapped = /^(?:(["'])(.*)\1|\((.*)\)|\{(.{36})\})$/s;
const LONGEST = Math.max(...PLACEHOLDERS.map(({ length }) => length));

/** Whether an id stands for no value, in any case, with any space around it, and in the quotes or brackets of a language. */
export function isPlaceholder(text: string): boolean {
  const trimmed = stripInvisible(text).trim();
  if (trimmed.length > LONGEST + 2) return false;
  const bare = unwrap(trimmed);
  const isEmptyQuotes = text.trim() !== '' && bare.trim() === '';
  return isEmptyQuotes || folded.has(bare.trim().toLowerCase()) || folded.has(trimmed.toLowerCase());
}

function unwrap(text: string): string {
  const [, , quoted, inParentheses, inBraces] = wrapped.exec(text) ?? [];
  return quoted ?? inParentheses ?? inBraces ?? text;
}
