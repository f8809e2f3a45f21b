import { Command } from 'commander';
import type { Fact, FactAmount } from '../../domain/facts.ts';
import { oneLine } from '../../domain/printable.ts';
import { commissionIdOf } from '../../domain/ids.ts';
import { formatMajorAmount } from '../../domain/money.ts';
import { findStories, type Chapter, type Story, type StoryPosting } from '../../audit/explain.ts';
import type { Decided } from '../../pipeline/rules/payment.ts';
import { withHub } from '../hub/access.ts';
import { print } from '../terminal.ts';

/** `tributary explain`: the story of an order. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('tell the story of an order: what was said of it, by whom, and what that did to the ledger')
    .argument('<id>', 'a conversion or commission id, an order id, or any reference')
    .option('--json', 'print JSON')
    .action(explain);
}

async function explain(id: string, { json }: { json?: true }): Promise<void> {
  const stories = await withHub(({ db }) => findStories(db, id.trim()));
  if (stories.length === 0) throw new Error(`No order is known as ${id}`);
  if (json)
    print(JSON.stringify(stories, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)));
  else print(stories.map(tellStory).join('\n\n'));
}

function tellStory(story: Story): string {
  const { order, names, references, merged, mergedInto } = story;
  const side = order.livemode ? '' : ' (test)';
  return [
    `${order.id}${side}: ${order.status === 'adjustment' ? '' : `${order.kind ?? 'nothing that counts yet'}, `}${order.status}${order.reason ? ` (${order.reason})` : ''}`,
    `  program     ${names.program} (${order.programId})`,
    ...(order.orderId === null ? [] : [`  order id    ${order.orderId}`]),
    `  known as    ${wholeNames(references).join(', ')}`,
    ...(merged.length > 0 ? [`  also was    ${merged.join(', ')}`] : []),
    ...(mergedInto === null ? [] : [`  merged into ${mergedInto}`]),
    ...tellAmounts(story),
    ...tellAttribution(story),
    '',
    ...story.chapters.flatMap((chapter) => tellChapter(chapter, story.names.keys)),
    ...tellSum(story),
  ]
    .map(oneLine)
    .join('\n');
}

function tellAmounts({ order }: Story): string[] {
  const { currency } = order;
  if (currency === null) return [];
  const money = (minor: bigint): string => `${formatMajorAmount(minor, currency)} ${currency}`;
  const refunded = order.refundedMinor > 0n ? `, refunded ${money(order.refundedMinor)}` : '';
  return [`  amount      gross ${money(order.grossMinor)}, net ${money(order.netMinor)}${refunded}`];
}

function tellDecision({ by, at, reason }: Decided, keys: Story['names']['keys']): string {
  return `${nameKey(by, keys)} on ${at}${reason === null ? '' : `: ${reason}`}`;
}

/** Why this affiliate, why this amount. */
function tellAttribution({ order, names }: Story): string[] {
  const { explanation } = order;
  if (!explanation) return [];
  const { chosen, passedOver, rule, flags } = explanation;
  return [
    `  affiliate   ${order.affiliateId === null ? 'nobody' : `${names.affiliate ?? ''} (${order.affiliateId})`}`,
    ...(chosen ? [`  because of  ${chosen.by}: ${chosen.value}`] : []),
    ...(explanation.decided ? [`  decided by  ${tellDecision(explanation.decided, names.keys)}`] : []),
    ...passedOver.map(({ by, value, why, affiliateId }) => {
      // What names the same affiliate speaks for them, too, though it was not what decided.
      const beside = chosen !== null && affiliateId === chosen.affiliateId;
      return `  ${beside ? 'beside' : 'not of'}      ${by}: ${value} (${why})`;
    }),
    ...(order.offerId === null ? [] : [`  offer       ${names.offer ?? ''} (${order.offerId})`]),
    `  rule        ${rule}`,
    ...(order.commissionCurrency === null
      ? []
      : [
          `  commission  ${formatMajorAmount(order.commissionMinor, order.commissionCurrency)} ${order.commissionCurrency} (${commissionIdOf(order.id)})`,
        ]),
    ...(flags.length > 0 ? [`  note        ${flags.join(', ')}`] : []),
  ];
}

function tellChapter({ at, fact, message, postings }: Chapter, keys: Story['names']['keys']): string[] {
  const told = fact ? tellFact(fact, keys) : 'another order or customer changed';
  const by = message ? `${message.kind} message ${message.id}, received ${message.receivedAt}` : null;
  return [
    `  ${at}  ${told}`,
    ...(fact && by ? [`      by ${by}`] : []),
    ...(fact && !message ? ['      by a message that is missing'] : []),
    ...postings.map((posting) => `      ${tellPosting(posting)}`),
  ];
}

function tellFact(fact: Fact, keys: Story['names']['keys']): string {
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

function nameKey(id: string, keys: Story['names']['keys']): string {
  const name = keys[id];
  return name === undefined ? id : `the key '${name}' (${id})`;
}

/** Leaves out the beginnings of ids (`stripe:~in_1S8gbz`), by which cut ones are matched, where the whole id is there. */
function wholeNames(references: readonly string[]): string[] {
  return references.filter((ref) => {
    const beginning = ref.replace(/~(?=[^:]*$)/, '');
    return beginning === ref || !references.some((other) => other.startsWith(beginning));
  });
}

function tellAmount(amount: FactAmount): string {
  if ('major' in amount) return `${amount.major} in the offer's currency`;
  if (amount.currency === null) return `${amount.minor} minor units in the offer's currency`;
  return `${formatMajorAmount(BigInt(amount.minor), amount.currency)} ${amount.currency}`;
}

function tellPosting({ amountMinor, currency, type, affiliateId, payout, id }: StoryPosting): string {
  const sign = amountMinor > 0n ? '+' : '';
  const settled = payout ? `, in payout ${payout.id} (${payout.status})` : '';
  return `${sign}${formatMajorAmount(amountMinor, currency)} ${currency} ${type} for ${affiliateId} (${id}${settled})`;
}

function tellSum({ chapters }: Story): string[] {
  const sums = new Map<string, bigint>();
  for (const { amountMinor, currency, affiliateId } of chapters.flatMap(({ postings }) => postings)) {
    const key = `${currency} for ${affiliateId}`;
    sums.set(key, (sums.get(key) ?? 0n) + amountMinor);
  }
  return [...sums].map(([key, minor]) => `  stands at ${formatMajorAmount(minor, key.slice(0, 3))} ${key}`);
}
