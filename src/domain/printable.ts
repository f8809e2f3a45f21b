/**
 * What would steer a terminal instead of being shown: control characters (a name may hold an escape sequence that
 * rewrites the lines above it, or puts text on the clipboard), and marks that turn the direction of writing.
 */
const steering = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Text that may go to a terminal: line ends and tabs stay, whatever else would steer it is shown as `\u001b`. JSON stays
 * the same JSON.
 */
export function printable(text: string): string {
  return text.replaceAll(steering, (each) => (each === '\n' || each === '\t' ? each : escape(each)));
}

/** The same for a value within a line: its line ends are shown, too, so that it cannot pretend to be a line of ours. */
export function oneLine(text: string): string {
  return text.replaceAll(steering, escape);
}

function escape(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}
