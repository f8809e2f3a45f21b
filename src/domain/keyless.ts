// What comes without a key may say any id. So each id that it says is its source's own: no message of anybody else, whatever it
// names, has the same reference, and nothing that has a key or a signature is ever joined, refunded or rejected by it.

const KEYLESS = 'keyless:';

/** A reference (of an order, a customer, a subscription) as it is known to one source that asks for no key. */
export function keylessRef(sourceId: string, ref: string): string {
  return `${KEYLESS}${sourceId}:${ref}`;
}

export function isKeylessRef(ref: string): boolean {
  return ref.startsWith(KEYLESS);
}

/** The reference that it would be, had the message a key: for what is shown. */
export function withoutSource(ref: string): string {
  return isKeylessRef(ref) ? ref.slice(ref.indexOf(':', KEYLESS.length) + 1) : ref;
}
