import { z } from 'zod';
import { toAmount } from './amounts.ts';
import { UnreadableMessage } from '../unreadable-message.ts';
import { readObject, toInstant, type Reading, type StripeMessage } from './message.ts';
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
 * (`warning_…`) and a prevented dispute move no money; an inquiry that becomes a chargeback loses the `warning_`. A
 * lost one says what its creation said, under the same fact id. The amount is part of that id, since it may be amended.
 */
export function readDispute(message: StripeMessage): Reading {
  const read = readObject(dispute, message);
  const { account } = message;
  if (read.status.startsWith('warning_')) return { ignored: 'The dispute is an inquiry: no money has moved' };
  if (read.status === 'prevented') return { ignored: 'The dispute was prevented: no money has moved by it' };
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
    return [{ ...common, type: 'dispute_won', id: toFactId(account, 'dispute_won', read.id) }];
  }
  const amount = toAmount(read.amount, read.currency);
  return [{ ...common, type: 'dispute', id: toFactId(account, 'dispute', read.id, String(read.amount)), amount }];
}
