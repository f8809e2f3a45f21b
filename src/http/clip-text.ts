/** A text cut to a length, where no surrogate pair is split; null where there is none. */
export function clipText(text: string | null | undefined, maxLength: number): string | null {
  return text?.slice(0, maxLength).toWellFormed() ?? null;
}

/** The same with a mark at its end where something was cut: whoever compares ids must see that it is no whole one. */
export function clipMarked(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text.toWellFormed();
  // Nor half a surrogate pair, nor half of what stands for a byte (byte-text.ts).
  const cut = text.slice(0, maxLength - 1).replace(/[\ud800-\udbff]$|\ufffd[89A-F]?$/, '');
  return `${cut.toWellFormed()}…`;
}
