/** Whether PostgreSQL can store a text: NUL and halves of surrogate pairs it cannot. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
