/** A body's fields that were given; those that its schema admits and the caller left out are undefined. */
export function dropAbsent<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as never;
}
