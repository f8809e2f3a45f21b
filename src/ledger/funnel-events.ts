import { conditionOf, joinConditions } from '../db/conditions.ts';
import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { funnelEvents } from '../statistics/statistic-rows.ts';

export const funnelEventTypes = ['pageview', 'registration', 'lead'] as const;
export type FunnelEventType = (typeof funnelEventTypes)[number];

/** What a visitor did short of buying. */
export interface FunnelEvent {
  /** The inbox event that first told of it. */
  id: string;
  eventType: FunnelEventType;
  affiliateId: string | null;
  offerId: string | null;
  clickId: string | null;
  customerId: string | null;
  /** Of a lead: the conversion that it is. */
  conversionId: string | null;
  url: string | null;
  occurredAt: Date | null;
  /** Sorts by creation: the id without its prefix, of a lead that of its conversion. */
  position: string;
}

export interface FunnelEventFilter {
  programId: string;
  livemode: boolean;
  eventTypes?: readonly FunnelEventType[] | undefined;
  affiliateId?: string | undefined;
  offerId?: string | undefined;
  clickId?: string | undefined;
  customerId?: string | undefined;
  /** By `occurredAt`. */
  from?: Date | null | undefined;
  /** Exclusive. */
  until?: Date | null | undefined;
}

export interface FunnelEventPage {
  limit: number;
  /** The last position of the page before. */
  before: string | null;
  oldestFirst?: boolean | undefined;
}

/**
 * Page views and registrations, which are facts about a click or a customer alone, and leads, which are conversions: newest
 * first. Each of the two is read by its own index, a page of each is enough for a page of both.
 */
export async function listFunnelEvents(
  db: Db,
  filter: FunnelEventFilter,
  { limit, before, oldestFirst }: FunnelEventPage,
): Promise<{ items: FunnelEvent[]; hasMore: boolean }> {
  const { eventTypes } = filter;
  const direction = oldestFirst ? 'asc' : 'desc';
  const follows = oldestFirst ? '>' : '<';
  const where = joinConditions([
    ...conditionOf('e.program_id = :programId', filter.programId),
    ...conditionOf('e.livemode = :livemode', filter.livemode),
    ...conditionOf('e.affiliate_id = :affiliateId', filter.affiliateId),
    ...conditionOf('e.offer_id = :offerId', filter.offerId),
    ...conditionOf('e.customer_id = :customerId', filter.customerId),
    ...conditionOf('e.occurred_at >= :from', filter.from),
    ...conditionOf('e.occurred_at < :until', filter.until),
  ]);
  const facts = joinConditions([
    ...conditionOf('e.event_type = any(:eventTypes)', eventTypes),
    ...conditionOf(`e.fact #>> '{evidence,clickId}' = :clickId`, filter.clickId),
    ...conditionOf(`e.inbox_id ${follows} :beforeFact`, before && `ibx_${before}`),
  ]);
  const leads = joinConditions([
    ...conditionOf('e.click_id = :clickId', filter.clickId),
    ...conditionOf(`e.id ${follows} :beforeLead`, before && `cnv_${before}`),
  ]);
  const wanted = (types: readonly string[]): boolean => !eventTypes || eventTypes.some((type) => types.includes(type));
  const ofFacts = `(select e.inbox_id as id, e.event_type as "eventType", e.affiliate_id as "affiliateId",
      e.offer_id as "offerId", e.fact #>> '{evidence,clickId}' as "clickId", e.customer_id as "customerId",
      null::text as "conversionId", e.fact ->> 'url' as url, e.occurred_at as "occurredAt", substr(e.inbox_id, 5) as position
    from (${funnelEvents}) e where ${where.sql} and ${facts.sql}
    order by e.inbox_id ${direction} limit :rowsWanted)`;
  // By which message it was first told: looked up for those that are shown.
  const ofLeads = `(select coalesce((select min(f.inbox_id) from facts f where f.order_id = e.id and f.program_id = e.program_id), e.id) as id,
      'lead' as "eventType", e.affiliate_id as "affiliateId", e.offer_id as "offerId", e.click_id as "clickId",
      e.customer_id as "customerId", e.id as "conversionId", null::text as url, e.occurred_at as "occurredAt",
      substr(e.id, 5) as position
    from (select * from orders where kind = 'lead' and status <> 'merged') e where ${where.sql} and ${leads.sql}
    order by e.id ${direction} limit :rowsWanted)`;
  const parts = [
    ...(wanted(['pageview', 'registration']) ? [{ sql: ofFacts, bindings: facts.bindings }] : []),
    ...(wanted(['lead']) ? [{ sql: ofLeads, bindings: leads.bindings }] : []),
  ];
  const rows = await runSql<FunnelEvent>(
    db,
    'listFunnelEvents',
    `select * from (${parts.map(({ sql }) => sql).join(' union all ')}) as events
     order by position ${direction} limit :rowsWanted`,
    { ...where.bindings, ...Object.assign({}, ...parts.map(({ bindings }) => bindings)), rowsWanted: limit + 1 },
  );
  return { items: rows.slice(0, limit), hasMore: rows.length > limit };
}
