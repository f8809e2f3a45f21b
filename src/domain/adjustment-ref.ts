/**
 * The reference of an adjustment, which is the id of its fact, too: by the caller's own reference, of which a repeat adds nothing,
 * else by the call.
 */
export function adjustmentRef(by: { reference: string } | { call: string }): string {
  return 'reference' in by ? `${PREFIX}ref:${by.reference}` : `${PREFIX}call:${by.call}`;
}

/** Nobody else's reference begins so: orders of callers are `order:…`. */
export function isAdjustmentRef(ref: string): boolean {
  return ref.startsWith(PREFIX);
}

const PREFIX = 'adjustment:';
