import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import type { Binding } from '../rules/attribution.ts';
import type { TermsSnapshot } from '../rules/catalog.ts';

/** A subscription, by the reference that its payments name. */
export interface SubscriptionKey {
  scope: Scope;
  subscription: string;
}

/** Makes the rows of subscriptions where they are missing and locks them all, in one sorted order. */
export async function lockSubscriptions(trx: Trx, keys: readonly SubscriptionKey[]): Promise<void> {
  if (keys.length === 0) return;
  await runSql(
    trx,
    'lockSubscriptions',
    `insert into subscriptions (program_id, livemode, ref)
     select program_id, livemode, ref
     from unnest(:programIds::text[], :livemodes::boolean[], :subscriptions::text[]) as s (program_id, livemode, ref)
     order by program_id, livemode, ref collate "C"
     on conflict (program_id, livemode, ref) do update set ref = subscriptions.ref`,
    columnsOfKeys(keys),
  );
}

/** The first order of each subscription that may bind it, among those that are not of this batch. */
export async function readEarliestSubscriptionBindings(
  trx: Trx,
  keys: readonly SubscriptionKey[],
  batchOrderIds: readonly string[],
): Promise<Map<string, Binding>> {
  if (keys.length === 0) return new Map();
  const rows = await runSql<SubscriptionBindingRow>(
    trx,
    'readEarliestSubscriptionBindings',
    `select wanted.program_id, wanted.livemode, wanted.subscription, o.*
     from unnest(:programIds::text[], :livemodes::boolean[], :subscriptions::text[])
       as wanted (program_id, livemode, subscription)
     cross join lateral (
       select id, coalesce(counted_at, occurred_at) as counted_at, reference, affiliate_id, offer_id, click_id, terms
       from orders
       where program_id = wanted.program_id and livemode = wanted.livemode and subscription = wanted.subscription
         and binds_subscription and not (id = any(:batchOrderIds))
       order by coalesce(counted_at, occurred_at), reference limit 1) o`,
    { ...columnsOfKeys(keys), batchOrderIds },
  );
  return new Map(
    rows.map((row) => {
      const scope = { programId: row.program_id, livemode: row.livemode };
      return [subscriptionKey({ scope, subscription: row.subscription }), bindingOfRow(row)];
    }),
  );
}

/** The orders of subscriptions that are not of this batch: a binding that moved concerns them. */
export async function findOrdersOfSubscriptions(
  trx: Trx,
  keys: readonly SubscriptionKey[],
  batchOrderIds: readonly string[],
): Promise<{ id: string; programId: string; livemode: boolean }[]> {
  if (keys.length === 0) return [];
  return runSql(
    trx,
    'findOrdersOfSubscriptions',
    `select o.id, o.program_id as "programId", o.livemode
     from unnest(:programIds::text[], :livemodes::boolean[], :subscriptions::text[])
       as wanted (program_id, livemode, subscription)
     join orders o using (program_id, livemode, subscription)
     where o.merged_into is null and not (o.id = any(:batchOrderIds)) order by o.id`,
    { ...columnsOfKeys(keys), batchOrderIds },
  );
}

export function subscriptionKey({ scope, subscription }: SubscriptionKey): string {
  return `${scopeKey(scope)} ${subscription}`;
}

function columnsOfKeys(keys: readonly SubscriptionKey[]): Record<string, unknown[]> {
  return {
    programIds: keys.map(({ scope }) => scope.programId),
    livemodes: keys.map(({ scope }) => scope.livemode),
    subscriptions: keys.map(({ subscription }) => subscription),
  };
}

function bindingOfRow(row: SubscriptionBindingRow): Binding {
  const { id, affiliate_id: affiliateId, offer_id: offerId, click_id: clickId } = row;
  const terms = row.terms.find((one) => one.affiliateId === affiliateId && one.offerId === offerId);
  if (!terms) throw new Error(`order ${id} binds its subscription, but its terms are not recorded`);
  const boundAt = row.counted_at.toISOString();
  return { affiliateId, offerId, clickId, boundAt, boundRef: row.reference, boundBy: id, terms };
}

interface SubscriptionBindingRow {
  program_id: string;
  livemode: boolean;
  subscription: string;
  id: string;
  counted_at: Date;
  reference: string;
  affiliate_id: string;
  offer_id: string;
  click_id: string | null;
  terms: TermsSnapshot[];
}
