import { z } from 'zod';
import { toAmount } from './amounts.ts';
import { UnreadableMessage } from '../unreadable-message.ts';
import { readObject, stateAt, toInstant, type Reading, type StripeMessage } from './message.ts';
import { toFactId, toRefs } from './references.ts';
import { expandable, requiredInteger, requiredWord } from './schemas.ts';

/** Disputes (docs.stripe.com/api/disputes/object, read 2026-11); the same in all API versions. */
const dispute = z.object({
  id: requiredWord,
  amount: requiredInteger,
  currency: requiredWord,
  created: requiredInteger,
  charge: expandable,
  payment_intent: expandable,
  status: requiredWord,
});

/**
 * `charge.dispute.*`: the status decides, whichever event tells it, so that any of them is enough. An inquiry
 * (`warning_…`) and a prevented dispute move no money; an inquiry that becomes a chargeback loses the `warning_`, and one
 * that the merchant settled by a refund takes no more than that refund. That the money was taken is one fact as of the
 * dispute's creation, whoever repeats it; the amount is part of its id, since it may be amended. Won and lost may follow each
 * other, and so may a withdrawal what was won: these are said as of their event, and the last of them counts.
 */
export function readDispute(message: StripeMessage): Reading {
  const read = readObject(dispute, message);
  const { account } = message;
  if (read.status.startsWith('warning_')) return { ignored: 'The dispute is an inquiry: no money has moved' };
  if (read.status === 'prevented') return { ignored: 'The dispute was prevented: no money has moved by it' };
  if (read.status === 'charge_refunded') return { ignored: 'The dispute ended by a refund, which tells of itself' };
  const refs = toRefs(account, [read.charge?.id, read.payment_intent?.id]);
  if (refs.length === 0) throw new UnreadableMessage(`${message.type}: charge: missing`);
  const common = {
    refs,
    occurredAt: toInstant(read.created, message.receivedAt),
    customer: null,
    evidence: {},
    disputeId: read.id,
  };
  if (read.status === 'won') {
    const id = toFactId(account, 'dispute_won', read.id, stateAt(message));
    return [{ ...common, type: 'dispute_won', id, statedAt: message.occurredAt }];
  }
  const taken = {
    ...common,
    type: 'dispute' as const,
    id: toFactId(account, 'dispute', read.id, String(read.amount)),
    amount: toAmount(read.amount, read.currency),
  };
  const statedAgain = { id: `${taken.id}:${stateAt(message)}`, statedAt: message.occurredAt };
  if (read.status === 'lost') return [{ ...taken, ...statedAgain, id: `${statedAgain.id}:lost`, lost: true }];
  return message.type === 'charge.dispute.funds_withdrawn' ? [{ ...taken, ...statedAgain }] : [taken];
}
