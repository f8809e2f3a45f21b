import type { Clock } from '../../domain/clock.ts';
import type { Db } from '../../db/db.ts';
import { commissionIdOf } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import { restoreSourceIds } from '../../program/source-refs.ts';
import { checklistOf, type Check } from './checklist.ts';
import type { Verdict } from './causes.ts';
import { findToldMessages, type ToldMessage } from './deliveries.ts';
import { loadStory } from './load-story.ts';
import { orderVerdict } from './order-verdict.ts';
import type { RefusedRequest } from './refused-requests.ts';
import { nameAffiliate, payoutOf, tellAmounts, tellEvidence, tellPassedOver, tellTerms, termsOf } from './sentences.ts';
import type { TracedMessage, TracedOrder, TraceStory } from './trace-story.ts';
import { verdictOf } from './verdict.ts';

/** What the look-up answers: JSON as it is. */
export interface Trace {
  query: string;
  found: { kind: string; id: string; title: string }[];
  verdict: Verdict;
  checklist: Check[];
  orders: TraceOfOrder[];
  /** There are more orders of that name. */
  hasMoreOrders: boolean;
  messages: TraceOfMessage[];
  refusals: RefusedRequest[];
  deliveries: ToldMessage[];
}

export interface TraceOfOrder {
  /** An adjustment has neither of the two. */
  conversionId: string | null;
  commissionId: string | null;
  adjustmentId: string | null;
  kind: string | null;
  status: string;
  reason: string | null;
  orderId: string | null;
  occurredAt: string | null;
  affiliateId: string | null;
  affiliateName: string | null;
  verdict: Verdict;
  amounts: string | null;
  terms: string | null;
  evidence: { chosen: TraceOfEvidence | null; passedOver: TraceOfEvidence[] };
  postings: TraceOfPosting[];
  payout: { id: string; status: string } | null;
}

interface TraceOfEvidence {
  by: string;
  value: string;
  affiliateId: string | null;
  sentence: string;
}

interface TraceOfPosting {
  id: string;
  affiliateId: string;
  amountMinor: number;
  currency: string;
  type: string;
  createdAt: string;
  payoutId: string | null;
}

export type TraceOfMessage = Omit<TracedMessage, 'facts' | 'sourceRef'>;

/** Looks up what a text names in a program, and why it earned what it earned. `text` is trimmed and not empty. */
export async function traceText(deps: { db: Db; clock: Clock }, scope: Scope, text: string): Promise<Trace> {
  const { db } = deps;
  const query = await restoreSourceIds(db, scope.programId, text);
  const { story, hasMore, customerId } = await loadStory(deps, scope, query);
  const verdict = verdictOf(story);
  const [first = null] = story.orders;
  const deliveries = await findToldMessages(
    db,
    scope,
    story.orders.map((order) => order.story),
  );
  return {
    query,
    found: foundIn(story, customerId),
    verdict,
    checklist: checklistOf(verdict, first),
    orders: story.orders.map((order) => orderView(order, story)),
    hasMoreOrders: hasMore,
    messages: story.messages.map(({ facts: _facts, sourceRef: _ref, ...message }) => message),
    refusals: story.refusals,
    deliveries,
  };
}

function foundIn({ subject, orders, messages, asked }: TraceStory, customerId: string | null): Trace['found'] {
  return [
    ...(subject ? [{ kind: subject.kind, id: subject.value, title: subject.affiliateName }] : []),
    ...(customerId === null ? [] : [{ kind: 'customer', id: customerId, title: customerId }]),
    ...orders.map(({ story: { order } }) => ({
      kind: order.explanation?.adjustment ? 'adjustment' : 'conversion',
      id: order.id,
      title:
        order.explanation?.adjustment?.reason ??
        `${order.kind ?? 'order'} ${order.orderId ?? order.reference ?? order.id}: ${order.status}`,
    })),
    ...(orders.length > 0 && !asked ? [] : messages)
      .filter(({ id }) => orders.length === 0 || id === asked?.id)
      .map(({ id, kind, outcome, status }) => ({ kind: 'message', id, title: `${kind}: ${outcome ?? status}` })),
  ];
}

function orderView(traced: TracedOrder, story: TraceStory): TraceOfOrder {
  const { order, chapters } = traced.story;
  const { explanation } = order;
  const terms = termsOf(order);
  const postings = chapters.flatMap((chapter) => chapter.postings);
  const payout = payoutOf(traced);
  return {
    ...(explanation?.adjustment
      ? { conversionId: null, commissionId: null, adjustmentId: order.id }
      : { conversionId: order.id, commissionId: commissionIdOf(order.id), adjustmentId: null }),
    kind: order.kind,
    status: order.status,
    reason: order.reason,
    orderId: order.orderId,
    occurredAt: order.occurredAt,
    affiliateId: order.affiliateId,
    affiliateName: order.affiliateId === null ? null : (traced.affiliates[order.affiliateId]?.name ?? null),
    verdict: orderVerdict(traced, story),
    amounts: explanation?.amounts ? tellAmounts(explanation.amounts) : null,
    terms: terms && tellTerms(terms),
    evidence: {
      chosen: explanation?.chosen
        ? {
            ...explanation.chosen,
            sentence: `${nameAffiliate(explanation.chosen.affiliateId, traced.affiliates)}: ${tellEvidence(explanation.chosen)}`,
          }
        : null,
      passedOver: (explanation?.passedOver ?? []).map((one) => ({
        by: one.by,
        value: one.value,
        affiliateId: one.affiliateId ?? null,
        sentence: tellPassedOver(one, traced.affiliates),
      })),
    },
    postings: postings.map((posting) => ({
      id: posting.id,
      affiliateId: posting.affiliateId,
      amountMinor: Number(posting.amountMinor),
      currency: posting.currency,
      type: posting.type,
      createdAt: posting.createdAt,
      payoutId: posting.payout?.id ?? null,
    })),
    payout: payout ? { id: payout.id, status: payout.status } : null,
  };
}
