/**
 * A text that somebody looks for, as a query of PostgreSQL's text search: every word of it, by its beginning. What parts words is
 * what `words_of` takes for it (027). A text without a letter or digit finds nothing.
 */
export function wordsWanted(text: string): string {
  const words = text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
  return words.map((word) => `'${word}':*`).join(' & ');
}
