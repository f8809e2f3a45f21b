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
const LONGEST = Math.max(...PLACEHOLDERS.map(({ length }) => length));

/** Whether an id stands for no value, in any case and with any space around it. */
export function isPlaceholder(text: string): boolean {
  const trimmed = text.trim();
  return trimmed.length <= LONGEST && folded.has(trimmed.toLowerCase());
}
