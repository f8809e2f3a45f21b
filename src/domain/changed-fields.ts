/** The fields of `before` that have another value in `after`, with the value that they had. */
export function changedFields(before: object, after: object): Record<string, unknown> {
  const later = new Map(Object.entries(after));
  return Object.fromEntries(
    Object.entries(before).filter(([field, value]) => JSON.stringify(value) !== JSON.stringify(later.get(field))),
  );
}
