import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Scope } from '../../domain/scope.ts';
import { readStories, type Story } from '../stories.ts';
import type { NamedAffiliate, TracedOrder } from './trace-story.ts';

/** Facts and postings that are read of all orders of a trace together. */
const MOST_CHAPTERS = 500;

/** Orders with what their verdicts need beside their stories; `hint` is left to whoever reads their messages. */
export async function loadOrders(db: Db, scope: Scope, orderIds: readonly string[]): Promise<TracedOrder[]> {
  const stories = await readStories(db, orderIds, MOST_CHAPTERS);
  const affiliates = await readAffiliates(db, scope, stories);
  const clicks = await readClickTimes(db, scope, stories);
  const holders = await readSlotHolders(db, scope, stories);
  return stories.map((story) => ({
    story,
    affiliates,
    clickedAt: clicks.get(story.order.clickId ?? '') ?? null,
    slotHolder: holders.get(story.order.id) ?? null,
    hint: '',
  }));
}

async function readAffiliates(
  db: Db,
  { programId }: Scope,
  stories: readonly Story[],
): Promise<Record<string, NamedAffiliate>> {
  const ids = stories.flatMap(({ order: { affiliateId, explanation }, chapters }) => [
    affiliateId,
    ...(explanation?.passedOver ?? []).map((one) => one.affiliateId),
    ...chapters.flatMap(({ postings }) => postings.map((posting) => posting.affiliateId)),
  ]);
  const rows = await runSql<NamedAffiliate & { id: string }>(
    db,
    'traceAffiliates',
    `select id, display_name as name, status from affiliates where program_id = :programId and id = any(:ids)`,
    { programId, ids: [...new Set(ids.filter((id) => typeof id === 'string'))] },
  );
  return Object.fromEntries(rows.map(({ id, name, status }) => [id, { name, status }]));
}

async function readClickTimes(db: Db, { programId }: Scope, stories: readonly Story[]): Promise<Map<string, string>> {
  const rows = await runSql<{ id: string; occurred_at: Date }>(
    db,
    'traceClickTimes',
    `select id, occurred_at from clicks where program_id = :programId and id = any(:ids)`,
    { programId, ids: stories.flatMap(({ order }) => order.clickId ?? []) },
  );
  return new Map(rows.map((row) => [row.id, row.occurred_at.toISOString()]));
}

/** By order: which other one has the place in a CPA offer that it asks for. */
async function readSlotHolders(db: Db, scope: Scope, stories: readonly Story[]): Promise<Map<string, string>> {
  const asking = stories.flatMap(({ order: { id, cpaSlot, reason } }) =>
    cpaSlot !== null && (reason === 'cpa_customer_limit' || reason === 'cpa_click_limit') ? [{ id, cpaSlot }] : [],
  );
  if (asking.length === 0) return new Map();
  const rows = await runSql<{ id: string; holder: string }>(
    db,
    'traceSlotHolders',
    `select asking.id, holder.id as holder from unnest(:ids::text[], :slots::text[]) as asking (id, slot)
     cross join lateral (
       select o.id from orders o
       where o.program_id = :programId and o.livemode = :livemode and o.cpa_claim = asking.slot and o.id <> asking.id
         and o.commission_minor > 0
       order by o.occurred_at, o.reference limit 1) holder`,
    { ...scope, ids: asking.map(({ id }) => id), slots: asking.map(({ cpaSlot }) => cpaSlot) },
  );
  return new Map(rows.map((row) => [row.id, row.holder]));
}
