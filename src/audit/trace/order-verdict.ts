import { explainNotTracked } from '../../domain/outcomes.ts';
import type { Evidence, Fact, FactOf } from '../../domain/facts.ts';
import type { PassedOver } from '../../pipeline/rules/evidence.ts';
import { nameKey } from '../tell-facts.ts';
import { traceCauses, type TraceCause, type Verdict } from './causes.ts';
import {
  daysBetween,
  nameAffiliate,
  tellAmounts,
  tellEarning,
  tellEvidence,
  tellPassedOver,
  tellTime,
  termsOf,
} from './sentences.ts';
import type { Subject, TracedOrder } from './trace-story.ts';
import { evidenceNamesOf } from './understood.ts';

/** Why an order earns what it earns, in sentences. Pure; `now` is what holds are measured against. */
export function orderVerdict(traced: TracedOrder, { subject, now }: { subject: Subject | null; now: string }): Verdict {
  const { order } = traced.story;
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

function verdict(cause: TraceCause, sentence: string, advice: string | null): Verdict {
  return { cause, step: traceCauses[cause], sentence, advice };
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

function notTracked(traced: TracedOrder): Verdict {
  const { order, names } = traced.story;
  const reason = order.reason ?? '';
  const who = order.affiliateId === null ? 'The affiliate' : nameAffiliate(order.affiliateId, traced.affiliates);
  const offer = names.offer ?? 'the offer';
  const terms = termsOf(order);
  switch (reason) {
    case 'outside_window':
      return verdict(
        'outside_window',
        outsideWindow(traced),
        'attributionWindowDays of the offer says how long clicks count; a longer one counts for new orders.',
      );
    case 'affiliate_not_active':
      return verdict(
        'affiliate_not_active',
        `${who} was not active when this counted${statusOf(traced)}, so nothing is paid.`,
        'PATCH /affiliates/ID {"status":"active"} lets later orders count; this one stays as it is.',
      );
    case 'offer_not_active':
      return verdict(
        'offer_not_active',
        `The offer ${offer} was not published when this was credited, so nothing is paid.`,
        'PATCH /offers/ID {"status":"published"} lets later orders count.',
      );
    case 'self_referral':
      return verdict(
        'self_referral',
        `${who} and the buyer have the same e-mail address: who buys by their own link earns nothing.`,
        'If they are two people, correct the e-mail of the affiliate or of the buyer: later orders count.',
      );
    case 'cpa_customer_limit':
    case 'cpa_click_limit':
      return verdict(
        'cpa_limit',
        cpaLimit(reason, offer, traced.slotHolder),
        'An offer of type cps or revshare pays more than once; a CPA offer never does.',
      );
    case 'cap_exceeded':
      return verdict(
        'cap',
        `The daily cap of ${offer}${terms && terms.dailyCap > 0 ? ` (${terms.dailyCap})` : ''} was used up${order.cap ? ` on ${order.cap.day}` : ''}.`,
        'PATCH /offers/ID {"dailyCap":N} raises it for later orders; 0 is none.',
      );
    case 'max_duration':
      return verdict(
        'duration_over',
        durationOver(traced),
        'durationMonths of the offer says for how long; null is for life, for new customers.',
      );
    case 'renewal_not_paid':
      return verdict(
        'renewal_not_paid',
        `This is a renewal, and ${offer} pays the first payment only (${terms?.commission.type ?? 'cps'}).`,
        'A revshare offer pays renewals, of customers who are credited by it.',
      );
    case 'amount_required':
      return verdict(
        'amount_required',
        `${offer} pays a percentage, and no amount is known of this order.`,
        'Send the order again under the same id with its amount and currency.',
      );
    case 'amount_invalid':
      return verdict(
        'amount_invalid',
        `The amount of this order cannot be read in its currency, or is none.`,
        'Send the order again under the same id with an amount such as 149.90 and its currency.',
      );
    case 'unknown_status':
      return verdict(
        'unknown_status',
        `The tracker sent a status word that its source does not map${wordOf(traced)}.`,
        'Add the word to `statuses` of the source, and replay the message.',
      );
    case 'imported':
      return verdict(
        'imported',
        'The system that this order was imported from has settled it: here it earns nothing.',
        null,
      );
    default:
      return verdict('message_rejected', explainNotTracked(reason) ?? `It is not paid: ${reason}.`, null);
  }
}

function outsideWindow({ story: { order, chapters }, clickedAt, affiliates }: TracedOrder): string {
  const days = termsOf(order)?.attributionWindowDays ?? null;
  const who = order.affiliateId === null ? '' : ` of ${nameAffiliate(order.affiliateId, affiliates)}`;
  const began = chapters.flatMap(({ fact }) => (fact ? [fact.beganAt ?? fact.occurredAt] : [])).sort()[0];
  const click = order.clickId ?? order.explanation?.chosen?.value ?? '';
  const age =
    clickedAt && began ? ` (${tellTime(clickedAt)}, ${daysBetween(clickedAt, began)} days before the order began)` : '';
  return `The click ${click}${who}${age} is older than the window of the offer${days === null ? '' : `, ${days} days`}.`;
}

function statusOf({ story: { order }, affiliates }: TracedOrder): string {
  const status = order.affiliateId === null ? undefined : affiliates[order.affiliateId]?.status;
  return status === undefined || status === 'active' ? '' : ` (now: ${status})`;
}

function cpaLimit(reason: string, offer: string, holder: string | null): string {
  const whose = reason === 'cpa_customer_limit' ? 'customer' : 'click';
  return `${offer} is a CPA offer and pays once for each ${whose}: this ${whose} had converted before${holder === null ? '' : `, by ${holder}`}.`;
}

function durationOver({ story: { order } }: TracedOrder): string {
  const { commission } = termsOf(order) ?? {};
  const months = commission?.type === 'revshare' ? commission.durationMonths : null;
  return `The revenue share of this customer has run out${months === null ? '' : `: it lasts ${months} months from their first payment`}.`;
}

function wordOf({ story: { chapters } }: TracedOrder): string {
  const said = chapters.flatMap(({ fact }) =>
    fact?.type === 'tracker' && fact.state === 'unknown' ? [fact.word] : [],
  );
  return said.length === 0 ? '' : `: '${said.join("', '")}'`;
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
  const { order, chapters } = traced.story;
  const postings = chapters.flatMap((chapter) => chapter.postings);
  const payout = postings.map((posting) => posting.payout).find((each) => each !== null);
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
  if (payout) {
    return verdict(
      'in_payout',
      `${tellEarning(traced)} It is in payout ${payout.id}, which is ${payout.status}.`,
      `PATCH /payouts/${payout.id} {"status":"paid"} once the money is sent.`,
    );
  }
  return verdict(
    'earned',
    `${tellEarning(traced)} It is approved, and in no payout yet.`,
    order.livemode ? 'POST /payouts {"affiliateId","currency"} takes it into one.' : 'Test rows never become payable.',
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
