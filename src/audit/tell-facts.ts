import type { Fact, FactAmount } from '../domain/facts.ts';
import { formatMajorAmount } from '../domain/money.ts';
import type { Story, StoryPosting } from './stories.ts';

/** What a fact says, in a line. */
export function tellFact(fact: Fact, keys: Story['names']['keys']): string {
  const order = wholeNames(fact.refs).join(' ');
  switch (fact.type) {
    case 'sale':
      return `sale of ${tellAmount(fact.gross)} (net ${tellAmount(fact.net)}), says the ${fact.document}: ${order}`;
    case 'lead':
      return `lead, ${fact.goal}: ${order}`;
    case 'action':
      return `action, ${fact.goal}: ${order}`;
    case 'tracker':
      return `tracker says ${fact.word} (${fact.state})${fact.amount ? `, ${tellAmount(fact.amount)}` : ''}: ${order}`;
    case 'link':
      return `link: ${order}`;
    case 'refund':
      return `refund ${fact.refundId} of ${fact.amount ? tellAmount(fact.amount) : 'all that remains'}: ${order}`;
    case 'refund_failed':
      return `refund ${fact.refundId} did not go through: ${order}`;
    case 'refund_total':
      return `refunded so far: ${tellAmount(fact.amount)}: ${order}`;
    case 'dispute':
      return `dispute ${fact.disputeId} of ${tellAmount(fact.amount)}: ${order}`;
    case 'dispute_won':
      return `dispute ${fact.disputeId} was won: ${order}`;
    case 'imported':
      return `settled elsewhere before it was imported: ${order}`;
    case 'decision':
      return `${fact.status} by ${nameKey(fact.by, keys)}${fact.reason === null ? '' : `: ${fact.reason}`}`;
    case 'assignment':
      return `assigned to ${fact.affiliateId} by ${nameKey(fact.by, keys)}${fact.reason === undefined ? '' : `: ${fact.reason}`}`;
    case 'correction': {
      const net = fact.net === null ? '' : ` (net ${tellAmount(fact.net)})`;
      return `amount corrected to ${tellAmount(fact.gross)}${net} by ${nameKey(fact.by, keys)}: ${fact.reason}`;
    }
    case 'adjustment':
      return `${tellAmount(fact.amount)} for ${fact.affiliateId} by ${nameKey(fact.by, keys)}: ${fact.reason}`;
    default:
      // Facts about customers, and funnel events: they belong to no order.
      return fact.type;
  }
}

/** Who decided: an API key by its name, or the name of a rule. */
export function nameKey(id: string, keys: Story['names']['keys']): string {
  const name = keys[id];
  return name === undefined ? id : `the key '${name}' (${id})`;
}

/** Leaves out the beginnings of ids (`stripe:~in_1S8gbz`), by which cut ones are matched, where the whole id is there. */
export function wholeNames(references: readonly string[]): string[] {
  return references.filter((ref) => {
    const beginning = ref.replace(/~(?=[^:]*$)/, '');
    return beginning === ref || !references.some((other) => other.startsWith(beginning));
  });
}

export function tellPosting({ amountMinor, currency, type, affiliateId, payout, id }: StoryPosting): string {
  const sign = amountMinor > 0n ? '+' : '';
  const settled = payout ? `, in payout ${payout.id} (${payout.status})` : '';
  return `${sign}${tellMoney(amountMinor, currency)} ${type} for ${affiliateId} (${id}${settled})`;
}

/** `20.00 USD` */
export function tellMoney(amountMinor: bigint, currency: string): string {
  return `${formatMajorAmount(amountMinor, currency)} ${currency}`;
}

function tellAmount(amount: FactAmount): string {
  if ('major' in amount) return `${amount.major} in the offer's currency`;
  if (amount.currency === null) return `${amount.minor} minor units in the offer's currency`;
  return tellMoney(BigInt(amount.minor), amount.currency);
}
