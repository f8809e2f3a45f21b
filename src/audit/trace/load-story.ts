import type { Clock } from '../../domain/clock.ts';
import type { Db } from '../../db/db.ts';
import { conversionIdOf } from '../../domain/ids.ts';
import type { Scope } from '../../domain/scope.ts';
import { listSourcesOfAnyTime } from '../../program/sources.ts';
import { findMessagesNaming, findRepeats, findTold, readMessages, type MessageRow } from './find-messages.ts';
import { findNamed, MOST_ORDERS } from './find-named.ts';
import { loadOrders } from './load-orders.ts';
import { findRefusedRequests } from './refused-requests.ts';
import type { Elsewhere, TracedMessage, TracedOrder, TraceStory } from './trace-story.ts';
import { readUnderstood } from './understood.ts';

/** Messages of orders that are read whole, the newest. */
const MOST_MESSAGES = 20;

/** The story with what the verdict does not need. */
export interface Loaded {
  story: TraceStory;
  hasMore: boolean;
  customerId: string | null;
}

/** Loads all that a program has under a name, in one mode: a bounded number of statements, each by an index or a bounded list. */
export async function loadStory({ db, clock }: { db: Db; clock: Clock }, scope: Scope, query: string): Promise<Loaded> {
  const [asked] = query.startsWith('ibx_') ? await readMessages(db, scope, [query]) : [];
  const named = await findNamed(db, scope, asked?.conversionId ?? (await findTold(db, scope, query)) ?? query);
  const found = await loadOrders(db, scope, named.orderIds.slice(0, MOST_ORDERS));
  const rows = asked && found.length === 0 ? [asked] : await readAbout(db, scope, found, query);
  const messages = await understand(db, rows);
  const orders = found.map((order) => ({ ...order, hint: hintOf(order, messages) }));
  const refusals = await findRefusedRequests(db, { ...scope, reference: query });
  const isNowhere = orders.length === 0 && messages.length === 0;
  const story: TraceStory = {
    query,
    livemode: scope.livemode,
    now: clock.now().toISOString(),
    subject: named.subject,
    asked: messages.find(({ id }) => id === asked?.id) ?? null,
    mergedFrom: named.mergedFrom === (conversionIdOf(query) ?? query) ? named.mergedFrom : null,
    orders,
    messages,
    refusals,
    elsewhere: isNowhere ? await lookElsewhere(db, scope, query) : null,
  };
  return { story, hasMore: named.orderIds.length > MOST_ORDERS, customerId: named.customerId };
}

/** The messages about orders, the newest first; where there are none, those that name what is asked for and made none. */
async function readAbout(db: Db, scope: Scope, orders: readonly TracedOrder[], query: string): Promise<MessageRow[]> {
  if (orders.length === 0) return findMessagesNaming(db, scope, query);
  const told = orders.flatMap(({ story }) => story.chapters.flatMap(({ message }) => message?.id ?? []));
  const repeats = await findRepeats(
    db,
    scope,
    orders.map(({ story }) => story.order.id),
  );
  const ids = [...new Set([...told, ...repeats, ...(query.startsWith('ibx_') ? [query] : [])])].sort();
  return (await readMessages(db, scope, ids.slice(-MOST_MESSAGES))).reverse();
}

async function understand(db: Db, rows: readonly MessageRow[]): Promise<TracedMessage[]> {
  const sources = await listSourcesOfAnyTime(db, [...new Set(rows.flatMap(({ sourceId }) => sourceId ?? []))]);
  return rows.map(({ raw, headers, receivedAt, settledAt, livemode, ...row }) => ({
    ...row,
    receivedAt: receivedAt.toISOString(),
    settledAt: settledAt?.toISOString() ?? null,
    ...readUnderstood(
      { kind: row.kind, livemode, raw, headers, facts: row.facts, receivedAt },
      sources.find(({ id }) => id === row.sourceId) ?? null,
    ),
  }));
}

function hintOf({ story }: TracedOrder, messages: readonly TracedMessage[]): string {
  const ids = new Set(story.chapters.flatMap(({ message }) => message?.id ?? []));
  return messages.find(({ id, hint }) => ids.has(id) && hint !== '')?.hint ?? '';
}

/** Whether the name is known in the program's other mode; no more is told of it than that, and as what. */
async function lookElsewhere(db: Db, scope: Scope, query: string): Promise<Elsewhere | null> {
  const other = { ...scope, livemode: !scope.livemode };
  const { livemode } = other;
  const [asked] = query.startsWith('ibx_') ? await readMessages(db, other, [query]) : [];
  if (asked) return { kind: 'message', livemode };
  const named = await findNamed(db, other, query);
  if (named.orderIds.length > 0) return { kind: 'order', livemode };
  if (named.subject?.kind === 'click') return { kind: 'click', livemode };
  const messages = await findMessagesNaming(db, other, query);
  return messages.length > 0 ? { kind: 'message', livemode } : null;
}
