/** The events to switch on at RevenueCat for a source, as GET /sources/:id lists them; RevenueCat sends all by default. */
export const requiredEvents: readonly string[] = [
  'INITIAL_PURCHASE',
  'RENEWAL',
  'NON_RENEWING_PURCHASE',
  'CANCELLATION',
  'REFUND_REVERSED',
  'TRANSFER',
  'SUBSCRIBER_ALIAS',
];
