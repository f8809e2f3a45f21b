import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Scope } from '../../domain/scope.ts';
import type { OwnAttribution } from '../rules/attribution.ts';

/** A row of `anonymous_leads`. */
export interface LeadRow {
  scope: Scope;
  factId: string;
  clickId: string;
  /** The record of the reference that the lead names. */
  customerId: string;
  /** ISO 8601 UTC. */
  receivedAt: string;
  email: string | null;
  /** Whom the click named when the lead was judged, with the terms of that moment. */
  attribution: OwnAttribution | null;
  /** Of its click the first. */
  isFirst: boolean;
  /** Why it does not count; null: it speaks for its customer. */
  whyNot: string | null;
}

interface LeadClick {
  scope: Scope;
  clickId: string;
}

/** Makes the rows of clicks where they are missing and locks them all, in one sorted order. */
export async function lockLeadClicks(trx: Trx, clicks: readonly LeadClick[]): Promise<void> {
  await runSql(
    trx,
    'lockLeadClicks',
    `insert into lead_clicks (program_id, livemode, click_id)
     select distinct program_id, livemode, click_id collate "C"
     from unnest(:programIds::text[], :livemodes::boolean[], :clickIds::text[]) as c (program_id, livemode, click_id)
     order by 1, 2, 3
     on conflict (program_id, livemode, click_id) do update set click_id = lead_clicks.click_id`,
    columnsOfClicks(clicks),
  );
}

/** Stores leads that arrived. One that is known was received earlier than it was known to be. */
export async function writeLeads(
  trx: Trx,
  leads: readonly Pick<LeadRow, 'scope' | 'factId' | 'clickId' | 'customerId' | 'receivedAt' | 'email'>[],
): Promise<void> {
  await runSql(
    trx,
    'writeAnonymousLeads',
    `insert into anonymous_leads (program_id, livemode, fact_id, click_id, customer_id, received_at, email)
     select * from unnest(:programIds::text[], :livemodes::boolean[], :factIds::text[], :clickIds::text[],
       :customerIds::text[], :receivedAts::timestamptz[], :emails::text[])
     on conflict (program_id, livemode, fact_id) do update
       set received_at = excluded.received_at, email = excluded.email`,
    {
      ...columnsOfClicks(leads),
      factIds: leads.map(({ factId }) => factId),
      customerIds: leads.map(({ customerId }) => customerId),
      receivedAts: leads.map(({ receivedAt }) => receivedAt),
      emails: leads.map(({ email }) => email),
    },
  );
}

/** Who is first with each click now. Gives the customers of those that became first, or are not any more. */
export async function rankLeadsOfClicks(
  trx: Trx,
  clicks: readonly LeadClick[],
): Promise<{ scope: Scope; customerId: string }[]> {
  const rows = await runSql<{ programId: string; livemode: boolean; customerId: string }>(
    trx,
    'rankLeadsOfClicks',
    `with ranked as (
       select c.program_id, c.livemode, c.click_id, c.fact_id as before_id, first.fact_id as now_id
       from (select distinct * from unnest(:programIds::text[], :livemodes::boolean[], :clickIds::text[])
         as w (program_id, livemode, click_id)) wanted
       join lead_clicks c using (program_id, livemode, click_id)
       cross join lateral (
         select fact_id from anonymous_leads l
         where l.program_id = c.program_id and l.livemode = c.livemode and l.click_id = c.click_id
         order by received_at, fact_id limit 1) first
       where c.fact_id is distinct from first.fact_id
     ), written as (
       update lead_clicks c set fact_id = ranked.now_id from ranked
       where c.program_id = ranked.program_id and c.livemode = ranked.livemode and c.click_id = ranked.click_id)
     select l.program_id as "programId", l.livemode, l.customer_id as "customerId"
     from ranked join anonymous_leads l
       on l.program_id = ranked.program_id and l.livemode = ranked.livemode
         and l.fact_id in (ranked.before_id, ranked.now_id)`,
    columnsOfClicks(clicks),
  );
  return rows.map(({ customerId, ...scope }) => ({ scope, customerId }));
}

/** The anonymous leads of customers, by the record that stands for them. */
export async function readLeads(trx: Trx, rootOf: ReadonlyMap<string, string>): Promise<Map<string, LeadRow[]>> {
  if (rootOf.size === 0) return new Map();
  const rows = await runSql<
    { programId: string; livemode: boolean; receivedAt: Date } & Omit<LeadRow, 'scope' | 'receivedAt'>
  >(
    trx,
    'readAnonymousLeads',
    `select l.program_id as "programId", l.livemode, l.fact_id as "factId", l.click_id as "clickId",
       l.customer_id as "customerId", l.received_at as "receivedAt", l.email, l.attribution, l.why_not as "whyNot",
       exists (select 1 from lead_clicks c where c.program_id = l.program_id and c.livemode = l.livemode
         and c.click_id = l.click_id and c.fact_id = l.fact_id) as "isFirst"
     from anonymous_leads l where l.customer_id = any(:customerIds)
     order by l.received_at, l.fact_id`,
    { customerIds: [...rootOf.keys()] },
  );
  const leads = rows.map(({ programId, livemode, receivedAt, ...row }): LeadRow => ({
    ...row,
    scope: { programId, livemode },
    receivedAt: receivedAt.toISOString(),
  }));
  return Map.groupBy(leads, ({ customerId }) => rootOf.get(customerId) ?? customerId);
}

/** Writes down whom leads name, and why they do not count; their customers are locked. */
export async function writeStandingOfLeads(trx: Trx, leads: readonly LeadRow[]): Promise<void> {
  if (leads.length === 0) return;
  await runSql(
    trx,
    'writeStandingOfLeads',
    `update anonymous_leads l set why_not = s.why_not, attribution = s.attribution::json
     from unnest(:programIds::text[], :livemodes::boolean[], :factIds::text[], :whyNots::text[], :attributions::text[])
       as s (program_id, livemode, fact_id, why_not, attribution)
     where l.program_id = s.program_id and l.livemode = s.livemode and l.fact_id = s.fact_id`,
    {
      programIds: leads.map(({ scope }) => scope.programId),
      livemodes: leads.map(({ scope }) => scope.livemode),
      factIds: leads.map(({ factId }) => factId),
      whyNots: leads.map(({ whyNot }) => whyNot),
      attributions: leads.map(({ attribution }) => (attribution === null ? null : JSON.stringify(attribution))),
    },
  );
}

/** When the first fact about an order of each customer happened, of those that have more than a visitor's word for it. */
export async function readFirstFactsOfOrders(
  trx: Trx,
  rootOf: ReadonlyMap<string, string>,
  batchOrderIds: readonly string[],
): Promise<Map<string, string>> {
  if (rootOf.size === 0) return new Map();
  const rows = await runSql<{ root: string; at: Date }>(
    trx,
    'readFirstFactsOfOrders',
    `select member.root, min(f.occurred_at) as at
     from unnest(:customerIds::text[], :roots::text[]) as member (id, root)
     join orders o on o.customer_id = member.id and not (o.id = any(:batchOrderIds))
     join facts f on f.order_id = o.id
     where f.fact -> 'anonymous' is null
     group by member.root`,
    { customerIds: [...rootOf.keys()], roots: [...rootOf.values()], batchOrderIds },
  );
  return new Map(rows.map(({ root, at }) => [root, at.toISOString()]));
}

function columnsOfClicks(clicks: readonly LeadClick[]): Record<string, unknown[]> {
  return {
    programIds: clicks.map(({ scope }) => scope.programId),
    livemodes: clicks.map(({ scope }) => scope.livemode),
    clickIds: clicks.map(({ clickId }) => clickId),
  };
}
