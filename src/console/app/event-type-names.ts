import type { EventTypeName } from './types.ts';

/** In the order of the catalogue. */
const names = {
  'affiliate.created': true,
  'affiliate.updated': true,
  'lead.created': true,
  'conversion.created': true,
  'conversion.updated': true,
  'conversion.refunded': true,
  'commission.created': true,
  'commission.updated': true,
  'commission.approved': true,
  'commission.rejected': true,
  'commission.reversed': true,
  'commission.paid': true,
  'adjustment.created': true,
  'payout.created': true,
  'payout.paid': true,
  'payout.failed': true,
  'endpoint.disabled': true,
  'message.exhausted': true,
} as const satisfies Record<EventTypeName, true>;

export const eventTypeNames: readonly string[] = Object.keys(names);
