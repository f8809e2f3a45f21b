import { adjustmentView } from '../../ledger/adjustment-view.ts';
import { commissionView, conversionView } from '../../ledger/conversion-view.ts';
import { changedFields } from '../../domain/changed-fields.ts';
import type { MessageDraft } from '../../outbound/events/message-draft.ts';
import type { OrderRow } from '../rows/order-rows.ts';

/** What subscribers are told of a change, from the row before (null: new) to the row after. Nothing changed: nothing. */
export function announceChange(before: OrderRow | null, after: OrderRow): MessageDraft[] {
  if (after.status === 'adjustment') {
    return before === null ? [draft(after, 'adjustment.created', adjustmentView(after))] : [];
  }
  if (after.kind === null && after.status !== 'merged') return [];
  // What was settled elsewhere is no news.
  if (after.reason === 'imported') return [];
  return [...conversionMessages(before, after), ...commissionMessages(before, after)];
}

function conversionMessages(before: OrderRow | null, after: OrderRow): MessageDraft[] {
  const data = conversionView(after);
  if (before === null || before.kind === null) {
    return after.kind === null
      ? []
      : [draft(after, after.kind === 'lead' ? 'lead.created' : 'conversion.created', data)];
  }
  // A lead that turned into money is a conversion that subscribers do not know yet.
  if (before.kind === 'lead' && after.kind !== 'lead' && after.kind !== null) {
    return [draft(after, 'conversion.created', data)];
  }
  const previous = changedFields(conversionView(before), data);
  if (Object.keys(previous).length === 0) return [];
  const type = after.refundedMinor > before.refundedMinor ? 'conversion.refunded' : 'conversion.updated';
  return [{ ...draft(after, type, data), previous }];
}

const announcedStatuses: Partial<Record<OrderRow['status'], MessageDraft['type']>> = {
  approved: 'commission.approved',
  rejected: 'commission.rejected',
  reversed: 'commission.reversed',
  paid: 'commission.paid',
};

function commissionMessages(before: OrderRow | null, after: OrderRow): MessageDraft[] {
  const messages: MessageDraft[] = [];
  const data = commissionView(after);
  const knownBefore = before !== null && hasCommission(before);
  if (!knownBefore && hasCommission(after)) messages.push(draft(after, 'commission.created', data));
  const type = announcedStatuses[after.status];
  if (type !== undefined && before?.status !== after.status && (knownBefore || hasCommission(after))) {
    const previous = knownBefore ? { previous: changedFields(commissionView(before), data) } : {};
    messages.push({ ...draft(after, type, data), ...previous });
  } else if (knownBefore) {
    const previous = changedFields(commissionView(before), data);
    if (Object.keys(previous).length > 0) messages.push({ ...draft(after, 'commission.updated', data), previous });
  }
  return messages;
}

/** Whether somebody earns: what is not tracked, parked or merged has no commission to speak of. */
function hasCommission(row: OrderRow): boolean {
  return ['pending', 'approved', 'paid', 'rejected', 'reversed'].includes(row.status) && row.kind !== null;
}

function draft(row: OrderRow, type: MessageDraft['type'], data: object): MessageDraft {
  return { programId: row.programId, livemode: row.livemode, type, data };
}
