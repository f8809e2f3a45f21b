import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isEmptyEvidence, readEvidence } from './evidence.ts';
import { readObject, type Reading, type StripeMessage } from './message.ts';
import { toCustomer, toFactId } from './references.ts';
import { expandable, metadata, optionalText, requiredWord } from './schemas.ts';

const customer = z.object({ id: requiredWord, email: optionalText, metadata, customer_account: expandable });

/**
 * `customer.created|updated`: links the customer to an affiliate where their metadata names one. An update says what
 * holds at its time, so each is a fact of its own, and the earliest that names an affiliate counts.
 */
export function readCustomer(message: StripeMessage): Reading {
  const read = readObject(customer, message);
  const { account } = message;
  const evidence = readEvidence({ metadata: [read.metadata] });
  if (isEmptyEvidence(evidence)) return { ignored: 'The metadata of the customer names no affiliate, click or coupon' };
  const named = { customer: { id: read.id, metadata: read.metadata }, customer_account: read.customer_account };
  return [
    {
      type: 'customer',
      id: toFactId(account, message.type, read.id, digest([message.occurredAt, read.email, evidence])),
      refs: [],
      occurredAt: message.occurredAt,
      customer: toCustomer(account, named, null, read.email),
      evidence,
    },
  ];
}

function digest(content: unknown): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16);
}
