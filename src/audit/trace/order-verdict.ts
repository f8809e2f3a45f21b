import type { Evidence, Fact, FactOf } from '../../domain/facts.ts';
import type { PassedOver } from '../../pipeline/rules/evidence.ts';
import { nameKey } from '../tell-facts.ts';
import { verdictFor as verdict, type Verdict } from './causes.ts';
import { notTracked } from './not-tracked-verdict.ts';
import {
  nameAffiliate,
  payoutOf,
  tellAdjustment,
  tellAmounts,
  tellEarning,
  tellEvidence,
  tellPassedOver,
  tellTime,
} from './sentences.ts';
import type { Subject, TracedOrder, TracedPayout } from './trace-story.ts';
import { evidenceNamesOf } from './understood.ts';

/** Why an order earns what it earns, in sentences. Pure; `now` is what holds are measured against. */
export function orderVerdict(traced: TracedOrder, { subject, now }: { subject: Subject | null; now: string }): Verdict {
  const { order } = traced.story;
  if (order.status === 'adjustment') return adjusted(traced);
  if (order.status === 'waiting' || order.kind === null) return missingSale(traced);
  if (order.status === 'parked') return parked(traced);
  if (subject && order.affiliateId !== null && subject.affiliateId !== order.affiliateId) {
    return strongerEvidence(traced, subject);
  }
  switch (order.status) {
    case 'not_tracked':
      return notTracked(traced);
    case 'rejected':
      return rejected(traced);
    case 'reversed':
      return reversed(traced);
    case 'pending':
      return pending(traced, now);
    default:
      return earned(traced);
  }
}

const words: Partial<Record<Fact['type'], string>> = {
  refund: 'a refund',
  refund_total: 'a refund',
  refund_failed: 'a refund that failed',
  dispute: 'a dispute',
  dispute_won: 'a dispute',
  link: 'ids that belong together',
};

/** Facts of the order that say nothing that counts by themselves. */
function missingSale({ story }: TracedOrder): Verdict {
  const told = new Set(story.chapters.flatMap(({ fact }) => (fact ? [words[fact.type] ?? fact.type] : [])));
  return verdict(
    'sale_missing',
    `Of this order ${[...told].join(' and ') || 'nothing'} came, but no sale.`,
    'Send the sale, or switch on the event of the provider that tells of it (GET /sources/ID lists them as requiredEvents): what came before counts then.',
  );
}

function parked(traced: TracedOrder): Verdict {
  const { order } = traced.story;
  const unknown = (order.explanation?.passedOver ?? []).filter(({ affiliateId }) => affiliateId === undefined);
  const named = unknown.find(({ by }) => by === 'click' || by === 'affiliate');
  if (named) return namedUnknown(named, traced);
  const codes = unknown.map((one) => `${tellEvidence(one)} is given, and ${one.why}`);
  const empty = emptyEvidence(traced);
  const sentence = [
    'It is parked: nothing tells which affiliate referred it.',
    ...(empty.length > 0 ? [`Empty: ${empty.join(', ')}.`] : []),
    ...codes.map((each) => `${capital(each)}.`),
    'No earlier order of its customer is credited to anybody.',
    ...(traced.hint === '' ? [] : [traced.hint]),
  ].join(' ');
  const giveCode =
    codes.length > 0
      ? 'Give the code to its affiliate and replay the message (POST /inbox-events/ID/replay), or send'
      : 'Send';
  return verdict(
    'parked',
    sentence,
    `${giveCode} the order again under the same id with one of these fields: it is credited then.`,
  );
}

function namedUnknown(named: PassedOver, traced: TracedOrder): Verdict {
  const sentence = `It is parked: ${tellEvidence(named)} is unknown to this program${traced.story.order.livemode ? '' : ' in test mode'}, and nothing else tells who referred it.`;
  return named.by === 'click'
    ? verdict(
        'click_unknown',
        sentence,
        'Send the click id that /r/CODE or POST /clicks of this program made, in the same mode.',
      )
    : verdict(
        'affiliate_unknown',
        sentence,
        'Send the affiliate by the id or referral code that GET /affiliates shows.',
      );
}

/** What the senders of the order could have told, and did not, under their own names. */
function emptyEvidence({ story: { chapters } }: TracedOrder): string[] {
  const given = new Set(
    chapters.flatMap(({ fact }) => (fact ? (Object.keys(fact.evidence) as (keyof Evidence)[]) : [])),
  );
  const kinds = new Set(chapters.flatMap(({ message }) => message?.kind ?? []));
  const names = [...kinds].flatMap((kind) => Object.entries(evidenceNamesOf(kind)));
  return [...new Set(names.flatMap(([field, name]) => (given.has(field as keyof Evidence) ? [] : [name])))];
}

function strongerEvidence(traced: TracedOrder, subject: Subject): Verdict {
  const { order } = traced.story;
  const { chosen = null, passedOver = [] } = order.explanation ?? {};
  const winner = nameAffiliate(order.affiliateId ?? '', traced.affiliates);
  const theirs = passedOver.find(({ affiliateId }) => affiliateId === subject.affiliateId);
  const because = chosen ? `: ${tellEvidence(chosen)}` : '';
  const instead = theirs
    ? `Passed over: ${tellPassedOver(theirs, traced.affiliates)}.`
    : `Nothing of this order names ${subject.affiliateName}.`;
  return verdict(
    'stronger_evidence',
    `The commission went to ${winner}${because}. ${instead}`,
    'The order in which evidence counts is in the guide "Where is my sale?". A sale that was credited wrongly is rejected and reported anew by another order id.',
  );
}

function rejected(traced: TracedOrder): Verdict {
  const { chapters, names } = traced.story;
  const decisions = chapters.flatMap(({ fact }) =>
    fact?.type === 'decision' && fact.status === 'rejected' ? [fact] : [],
  );
  const [decision]: (FactOf<'decision'> | undefined)[] = decisions;
  if (!decision) {
    return verdict(
      'rejected',
      'The tracker that told of it rejected it.',
      'A tracker may send a later status; its rejection is final here.',
    );
  }
  const why = decision.reason === null ? '' : `: ${decision.reason}`;
  return verdict(
    'rejected',
    `It was rejected by ${nameKey(decision.by, names.keys)} on ${tellTime(decision.occurredAt)}${why}.`,
    'A rejection is final. Ask whoever rejected it; another order id reports the sale anew.',
  );
}

function reversed({ story }: TracedOrder): Verdict {
  const amounts = story.order.explanation?.amounts ?? null;
  const told = amounts ? ` (${tellAmounts(amounts)})` : '';
  if (amounts && amounts.disputedMinor > 0) {
    return verdict(
      'disputed',
      `The payment is disputed${told}, so the commission was taken back.`,
      'If the dispute is won, the commission comes back by itself.',
    );
  }
  return verdict('refunded', `All of the payment was refunded${told}, so the commission was taken back.`, null);
}

function pending(traced: TracedOrder, now: string): Verdict {
  const { order, chapters } = traced.story;
  if (order.review) {
    const reasons = order.review.reasons.join(', ');
    return verdict(
      'in_review',
      `${tellEarning(traced)} It is held for review since ${tellTime(order.review.since)}: ${reasons}.`,
      `PATCH /commissions/ID {"status":"approved"} or {"status":"rejected"} decides it.`,
    );
  }
  const states = chapters.flatMap(({ fact }) => (fact?.type === 'tracker' ? [fact.state] : []));
  const isSale =
    chapters.some(({ fact }) => fact?.type === 'sale' || fact?.type === 'action') || states.includes('sale');
  if (!isSale) {
    const isHold = states.includes('hold');
    return verdict(
      'no_money_yet',
      isHold
        ? `The tracker holds it. ${tellEarning(traced)}`
        : 'It is a lead: nothing is paid before a sale of it comes.',
      isHold ? 'It is approved once the tracker says that it is a sale.' : null,
    );
  }
  if (order.approvableAt === null) {
    return verdict(
      'awaiting_approval',
      `${tellEarning(traced)} It waits for somebody to approve it.`,
      'PATCH /commissions/ID {"status":"approved"}; `autoApprove` of the program does so by itself at the end of the hold.',
    );
  }
  const until = tellTime(order.approvableAt);
  const isDue = order.approvableAt <= now;
  return verdict(
    'on_hold',
    `${tellEarning(traced)} It is on hold until ${until}${isDue ? ', which is over: it is approved within a minute or so' : ''}.`,
    'It is approved by itself then; PATCH /commissions/ID {"status":"approved"} does so now.',
  );
}

function earned(traced: TracedOrder): Verdict {
  const { order } = traced.story;
  const payout = payoutOf(traced);
  if (order.status === 'paid') {
    const where = payout ? ` in payout ${payout.id}` : '';
    return verdict(
      'paid',
      `${tellEarning(traced)} It was paid${where}${order.paidAt ? ` on ${tellTime(order.paidAt)}` : ''}.`,
      null,
    );
  }
  if (order.review) {
    return verdict(
      'in_review',
      `${tellEarning(traced)} It is approved, but held for review since ${tellTime(order.review.since)}: ${order.review.reasons.join(', ')}.`,
      'PATCH /commissions/ID {"status":"approved"} or {"status":"rejected"} decides it.',
    );
  }
  return payout ? inPayout(tellEarning(traced), payout) : inNoPayout(tellEarning(traced), order.livemode);
}

function inPayout(told: string, { id, status }: TracedPayout): Verdict {
  return verdict(
    'in_payout',
    `${told} It is in payout ${id}, which is ${status}.`,
    `PATCH /payouts/${id} {"status":"paid"} once the money is sent.`,
  );
}

function inNoPayout(told: string, livemode: boolean): Verdict {
  return verdict(
    'earned',
    `${told} It is approved, and in no payout yet.`,
    livemode ? 'POST /payouts {"affiliateId","currency"} takes it into one.' : 'Test rows never become payable.',
  );
}

/** An adjustment is due at once; what is left to tell is where its money is. */
function adjusted(traced: TracedOrder): Verdict {
  const payout = payoutOf(traced);
  const told = tellAdjustment(traced);
  if (payout?.status === 'paid') return verdict('paid', `${told} It was paid in payout ${payout.id}.`, null);
  return payout ? inPayout(told, payout) : inNoPayout(told, traced.story.order.livemode);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
