import { Command } from 'commander';
import { oneLine } from '../../domain/printable.ts';
import { commissionIdOf } from '../../domain/ids.ts';
import { formatMajorAmount } from '../../domain/money.ts';
import { findStories } from '../../audit/explain.ts';
import type { Chapter, Story } from '../../audit/stories.ts';
import { nameKey, tellFact, tellMoney, tellPosting, wholeNames } from '../../audit/tell-facts.ts';
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
  const money = (minor: bigint): string => tellMoney(minor, currency);
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
      : [`  commission  ${tellMoney(order.commissionMinor, order.commissionCurrency)} (${commissionIdOf(order.id)})`]),
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

function tellSum({ chapters }: Story): string[] {
  const sums = new Map<string, bigint>();
  for (const { amountMinor, currency, affiliateId } of chapters.flatMap(({ postings }) => postings)) {
    const key = `${currency} for ${affiliateId}`;
    sums.set(key, (sums.get(key) ?? 0n) + amountMinor);
  }
  return [...sums].map(([key, minor]) => `  stands at ${formatMajorAmount(minor, key.slice(0, 3))} ${key}`);
}
