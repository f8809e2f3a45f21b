import { compareText } from '../domain/orderings.ts';
import type { Chapter, Story, StoryPosting } from './stories.ts';
import { tellFact, tellPosting } from './tell-facts.ts';
import type { ToldMessage } from './trace/deliveries.ts';

export const timelineKinds = ['message', 'fact', 'decision', 'posting', 'webhook', 'payout'] as const;
export type TimelineKind = (typeof timelineKinds)[number];

/** One thing that happened to an order. */
export interface TimelineEntry {
  /** Sorts entries of one instant, and is unique among all. */
  id: string;
  /** ISO 8601 UTC. */
  at: string;
  kind: TimelineKind;
  title: string;
  /** The inbox event, ledger entry, message or payout to look at; null where the message behind a fact is missing. */
  objectId: string | null;
  /** Of messages and webhooks what became of them, of payouts where they stand. */
  state: string | null;
}

/** Everything that is on record about an order, in the order in which it happened. Pure. */
export function timelineOf(story: Story, told: readonly ToldMessage[]): TimelineEntry[] {
  const messages = new Map(story.chapters.flatMap(({ message }) => (message ? [[message.id, message] as const] : [])));
  const postings = story.chapters.flatMap((chapter) => chapter.postings);
  const payouts = new Map(postings.flatMap(({ payout }) => (payout ? [[payout.id, payout] as const] : [])));
  const entries: TimelineEntry[] = [
    ...[...messages.values()].map((message) =>
      entry('message', message.id, message.receivedAt, `${message.kind} message came`, message.outcome ?? 'received'),
    ),
    ...story.chapters.flatMap((chapter) => factEntry(chapter, story.names.keys)),
    ...postings.map(postingEntry),
    ...told.map(webhookEntry),
    ...[...payouts.values()].flatMap((payout) => [
      entry('payout', payout.id, payout.createdAt, `payout ${payout.id} was made`, 'pending'),
      ...(payout.paidAt === null
        ? []
        : [entry('payout', payout.id, payout.paidAt, `payout ${payout.id} was paid`, 'paid')]),
    ]),
  ];
  return entries.sort((a, b) => compareText(keyOf(a), keyOf(b)));
}

/** What a page of a timeline goes on after: it sorts as the entries do. */
export function keyOf({ at, id }: Pick<TimelineEntry, 'at' | 'id'>): string {
  return `${at}~${id}`.replaceAll(' ', '_');
}

// A message comes before what it says, and that before what it did.
const ranks: Readonly<Record<TimelineKind, number>> = {
  message: 0,
  fact: 1,
  decision: 1,
  posting: 2,
  webhook: 3,
  payout: 4,
};

function entry(kind: TimelineKind, objectId: string, at: string, title: string, state: string | null): TimelineEntry {
  return { id: `${ranks[kind]}:${objectId}${kind === 'payout' ? `:${state}` : ''}`, at, kind, title, objectId, state };
}

function factEntry({ at, fact, message }: Chapter, keys: Story['names']['keys']): TimelineEntry[] {
  if (!fact) return [];
  const kind = fact.type === 'decision' || fact.type === 'assignment' ? 'decision' : 'fact';
  return [
    {
      id: `${ranks[kind]}:${fact.id}`,
      at,
      kind,
      title: tellFact(fact, keys),
      objectId: message?.id ?? null,
      state: null,
    },
  ];
}

function postingEntry(posting: StoryPosting): TimelineEntry {
  return entry('posting', posting.id, posting.createdAt, tellPosting(posting), null);
}

function webhookEntry({ id, type, createdAt, deliveries }: ToldMessage): TimelineEntry {
  const states = [...new Set(deliveries.map(({ status }) => status))].sort().join(', ');
  return entry('webhook', id, createdAt, type, states === '' ? 'no endpoint wanted it' : states);
}
