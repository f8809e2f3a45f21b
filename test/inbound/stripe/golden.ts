import type { Evidence, Fact, FactCustomer, FactOf, FactType } from '../../../src/domain/facts.ts';
import type { StripeJson } from './fixtures.ts';

/**
 * What one fixture must become, written by hand: its facts, or a piece of the reason why it is ignored. `o` is the
 * event's object, which the ids are taken from; amounts, times, customers' e-mails and evidence are literals.
 */
export type Golden = (o: StripeJson, acacia: boolean, event: StripeJson) => Fact[] | { ignored: string };

type Parts<T extends FactType> = Partial<FactOf<T>> & Pick<FactOf<T>, 'id' | 'refs' | 'occurredAt'>;

export const ignored = (reason: string) => ({ ignored: reason });

export function sale(parts: Parts<'sale'> & Pick<FactOf<'sale'>, 'document' | 'gross' | 'net'>): Fact {
  return { ...unsaid, type: 'sale', phase: 'one_off', subscription: null, goal: 'purchase', ...parts };
}

export function lead(parts: Parts<'lead'>): Fact {
  return { ...unsaid, type: 'lead', subscription: null, goal: 'purchase', ...parts };
}

export function link(parts: Parts<'link'>): Fact {
  return { ...unsaid, type: 'link', ...parts };
}

export function reversal<T extends 'refund' | 'refund_failed' | 'refund_total' | 'dispute' | 'dispute_won'>(
  parts: Omit<FactOf<T>, 'customer' | 'evidence'>,
): Fact {
  return { ...unsaid, ...parts } as unknown as Fact;
}

const unsaid: { customer: FactCustomer | null; evidence: Evidence } = { customer: null, evidence: {} };

export const partner = { affiliate: 'partner-one' };
export const partnerAndClick = { affiliate: 'partner-one', clickId: 'clk_0192f0c4a7b07c3e8d5a6f1b2c3d4e5f' };

export const usd = (minor: number) => ({ minor, currency: 'USD' });

export const cus = (id: string) => ({ refs: [`stripe:${id}`], email: null });
export const buyer = (id: string) => ({ refs: [`stripe:${id}`], email: 'buyer@example.com' });
export const subscriber = (id: string, subscription: string) => ({
  refs: [`stripe:${id}`, `stripe:${subscription}`],
  email: 'buyer@example.com',
});

/** Both references of an invoice or a session: whole, and cut as an order reference may be. */
export const cuttable = (id: string) => [`stripe:${id}`, `stripe:~${id.slice(0, 25)}`];

/** The subscription's id where each generation has it. */
export const subscriptionOf = (o: StripeJson): string => o.subscription ?? o.parent.subscription_details.subscription;
