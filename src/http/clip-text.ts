/** A text cut to a length, where no surrogate pair is split; null where there is none. */
export function clipText(text: string | null | undefined, maxLength: number): string | null {
  return text?.slice(0, maxLength).toWellFormed() ?? null;
}
