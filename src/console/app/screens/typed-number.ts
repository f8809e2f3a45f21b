/** Pure: digits as a number; anything else as it is, so that the hub says what is wrong with it. */
export function numberOf(text: string): number | string {
  return /^\d{1,15}$/.test(text.trim()) ? Number(text.trim()) : text;
}
