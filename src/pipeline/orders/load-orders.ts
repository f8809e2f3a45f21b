import type { Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { isAdjustmentRef } from '../../domain/adjustment-ref.ts';
import type { Fact } from '../../domain/facts.ts';
import { newId } from '../../domain/ids.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import { pairingOf, pairingOfSale, pairUnlinked, type Pairing, type UnlinkedOrder } from '../rules/pair-unlinked.ts';
import type { Remembering } from '../rules/remembered-catalog.ts';
import { readFacts, type FactMove, type StoredFact } from '../rows/fact-rows.ts';
import { readLedgerSums, type OrderSum } from '../rows/ledger-rows.ts';
import type { Mention } from '../rows/catalog-rows.ts';
import type { CatalogLoader } from '../rows/load-catalog.ts';
import { readOrders, type OrderRow } from '../rows/order-rows.ts';
import type { ResettlementRequest } from '../rows/resettlement-rows.ts';
import type { Resettlement } from '../work-items/take-work.ts';
import { readFamilies } from './families.ts';
import { assembleOrder, takeIn, type Arrival, type LoadedOrder, type MergedOrder } from './loaded-order.ts';
import { lockOrders, type PairingSearch } from './lock-orders.ts';
import { groupByReference, lockOwners, orderReferences, type OwnedGroup } from './references.ts';

// A customer with more orders than this is settled again in several batches.
const RESETTLE_AT_ONCE = 500;

/** What resettlements ask for. */
export interface Reopened {
  /** Orders to settle once more. */
  orderIds: string[];
  customerIds: string[];
  /** What is too much for one batch. */
  remaining: ResettlementRequest[];
}

export async function findReopened(trx: Trx, resettlements: Resettlement[]): Promise<Reopened> {
  const orderIds = resettlements.flatMap(({ orderId }) => orderId ?? []);
  const customerIds = [...new Set(resettlements.flatMap(({ customerId }) => customerId ?? []))];
  const remaining: ResettlementRequest[] = [];
  if (customerIds.length > 0) {
    const { records } = await readFamilies(trx, customerIds);
    const found = await runSql<{ id: string; programId: string; livemode: boolean }>(
      trx,
      'findOrdersOfCustomers',
      `select id, program_id as "programId", livemode from orders
       where customer_id = any(:customerIds) and merged_into is null order by id`,
      { customerIds: [...records.keys()] },
    );
    for (const [index, { id, programId, livemode }] of found.entries()) {
      if (index < RESETTLE_AT_ONCE) orderIds.push(id);
      else remaining.push({ scope: { programId, livemode }, customerId: null, orderId: id });
    }
  }
  return { orderIds, customerIds, remaining };
}

/** Locks what the facts are about, with what is to be settled again, and loads all that is known of it. */
export async function lockAndLoadOrders(
  trx: Trx,
  arrivals: Arrival[],
  reopened: string[],
  catalogs: CatalogLoader,
): Promise<LoadedOrders> {
  const items = arrivals
    .filter(({ fact }) => fact.refs.length > 0)
    .map((arrival) => ({
      scope: { programId: arrival.event.programId, livemode: arrival.event.livemode },
      refs: arrival.fact.refs,
      member: arrival,
    }));
  const searches = items.flatMap(({ scope, member }): PairingSearch[] => {
    const pairing = member.fact.type === 'sale' ? pairingOfSale(member.fact) : null;
    return pairing ? [{ scope, key: pairing.key, at: pairing.at }] : [];
  });
  const { groups, locked } = await lockOwners(
    trx,
    orderReferences,
    groupByReference(items),
    reopened,
    ({ refs: [ref = ''] }) => newId(isAdjustmentRef(ref) ? 'adj' : 'cnv'),
    (trx, ids) => lockOrders(trx, ids, searches),
  );
  return loadOrders(trx, groups, locked, catalogs);
}

export interface LoadedOrders {
  orders: LoadedOrder[];
  merged: MergedOrder[];
  /** Facts that are kept with another order than they belong to from now on. */
  moves: FactMove[];
}

/** Loads orders by id, and puts together what is known of them with what the groups bring. */
export async function loadOrders(
  trx: Trx,
  groups: OwnedGroup<Arrival>[],
  ids: string[],
  catalogs: CatalogLoader,
  remembering?: Remembering,
): Promise<LoadedOrders> {
  const [before, facts, sums] = await Promise.all([
    readOrders(trx, ids),
    readFacts(trx, ids),
    readLedgerSums(trx, ids),
  ]);
  await loadMentioned(trx, before, facts, sums, catalogs);
  const pairs = joinHalves(gatherHalves(groups, before, facts));
  const orders = pairs.map((pair) => assemblePair(pair, sums, catalogs, remembering));
  return {
    orders,
    merged: pairs.flatMap(mergedOf),
    moves: pairs.flatMap(movesOf),
  };
}

/** Loads what the orders' facts name, and whom their explanations name, who may have other codes by now. */
async function loadMentioned(
  trx: Trx,
  before: Map<string, OrderRow>,
  facts: Map<string, StoredFact[]>,
  sums: Map<string, OrderSum[]>,
  catalogs: CatalogLoader,
): Promise<void> {
  const rows = [...before.values()];
  await catalogs.load(
    trx,
    rows.flatMap(({ id, programId }) =>
      (facts.get(id) ?? []).map(({ fact }) => ({ programId, evidence: fact.evidence })),
    ),
    rows.map(({ programId }) => programId),
  );
  const named = (ids: (row: OrderRow) => (string | null | undefined)[]): Mention[] =>
    rows.flatMap((row) => ids(row).flatMap((text) => (text ? [{ programId: row.programId, text }] : [])));
  await catalogs.loadByIds(
    trx,
    named(({ id, explanation, affiliateId }) => [
      ...[explanation?.chosen, ...(explanation?.passedOver ?? [])].map((evidence) => evidence?.affiliateId),
      affiliateId,
      ...(sums.get(id) ?? []).map((sum) => sum.affiliateId),
    ]),
    named(({ explanation }) => [explanation?.offer?.offerId, explanation?.rules?.defaultOfferId]),
  );
}

/** An order as its references alone make it. It may turn out to be one half of a pair that nothing links yet. */
interface Half {
  id: string;
  scope: Scope;
  row: OrderRow | null;
  /** Orders that turn out to be this one by a message that names both. */
  losers: OrderRow[];
  /** The references by which the batch knows it. */
  refs: string[];
  arrivals: Arrival[];
  facts: StoredFact[];
  pairing: Pairing | null;
}

function gatherHalves(
  groups: OwnedGroup<Arrival>[],
  before: Map<string, OrderRow>,
  facts: Map<string, StoredFact[]>,
): Half[] {
  const halves: Half[] = [];
  const grouped = new Set<string>();
  for (const { ownerId, merged, scope, refs, members } of groups) {
    const ids = [ownerId, ...merged];
    for (const id of ids) grouped.add(id);
    halves.push({
      id: ownerId,
      scope,
      row: before.get(ownerId) ?? null,
      losers: merged.flatMap((id) => before.get(id) ?? []),
      refs,
      arrivals: members,
      facts: ids.flatMap((id) => facts.get(id) ?? []),
      pairing: null,
    });
  }
  for (const [id, row] of before) {
    if (grouped.has(id)) continue;
    const scope = { programId: row.programId, livemode: row.livemode };
    halves.push({ id, scope, row, losers: [], refs: [], arrivals: [], facts: facts.get(id) ?? [], pairing: null });
  }
  return halves;
}

/** An order, with the half that is joined to it without a link. */
interface Pair {
  half: Half;
  joined: Half | null;
}

/** Pairs the halves that nothing links. Of two the one that subscribers knew first stands for both. */
function joinHalves(halves: Half[]): Pair[] {
  const unlinked = new Map<UnlinkedOrder, Half>();
  for (const half of halves) {
    if (!half.facts.some(mayPair) && !half.arrivals.some(mayPair)) continue;
    half.pairing = pairingOf(takeIn(half.facts, half.arrivals).facts);
    if (!half.pairing) continue;
    const key = `${scopeKey(half.scope)} ${half.pairing.key}`;
    const refs = [...half.facts, ...half.arrivals].flatMap(({ fact }) => fact.refs);
    const reference = refs.reduce((first, ref) => (ref < first ? ref : first));
    unlinked.set({ id: half.id, reference, pairing: { ...half.pairing, key } }, half);
  }
  const partner = new Map<Half, Half>();
  for (const pair of pairUnlinked([...unlinked.keys()])) {
    const [a, b] = pair.flatMap((one) => unlinked.get(one) ?? []);
    if (a && b) partner.set(a, b).set(b, a);
  }
  if (partner.size === 0) return halves.map((half) => ({ half, joined: null }));
  return halves.flatMap((half) => {
    const joined = partner.get(half) ?? null;
    return joined && !standsFor(half, joined) ? [] : [{ half, joined }];
  });
}

/** Whether it is of a kind that something which nothing links to it may be paired with. */
function mayPair({ fact }: { fact: Fact }): boolean {
  return fact.type === 'sale' && pairingOfSale(fact) !== null;
}

function standsFor(a: Half, b: Half): boolean {
  const rank = ({ row }: Half): number => (row === null ? 0 : row.kind === null ? 1 : 2);
  return rank(a) === rank(b) ? a.id < b.id : rank(a) > rank(b);
}

function assemblePair(
  { half, joined }: Pair,
  sums: Map<string, OrderSum[]>,
  catalogs: CatalogLoader,
  remembering: Remembering | undefined,
): LoadedOrder {
  const { id, scope, row, losers, refs, pairing } = half;
  const joinedFacts = joined && [...joined.facts, ...joined.arrivals].map(({ fact }) => fact.id);
  return assembleOrder(
    {
      id,
      scope,
      before: row,
      refs,
      losers: joined ? [...losers, ...(joined.row ? [joined.row] : []), ...joined.losers] : losers,
      knownFacts: joined ? [...half.facts, ...joined.facts] : half.facts,
      arrivals: joined ? [...half.arrivals, ...joined.arrivals] : half.arrivals,
      sums,
      pairing,
      joined: joined && { id: joined.id, factIds: new Set(joinedFacts) },
    },
    catalogs.of(scope),
    remembering,
  );
}

/** The orders that the pair takes over. */
function mergedOf({ half, joined }: Pair): MergedOrder[] {
  if (!joined && half.losers.length === 0) return [];
  const { id, scope } = half;
  const merged = (row: OrderRow, survivorId: string, joinedBy: Pairing | null): MergedOrder => ({
    id: row.id,
    scope,
    before: row,
    refs: [],
    survivorId,
    joinedBy,
  });
  const losers = half.losers.map((loser) => merged(loser, id, null));
  if (!joined) return losers;
  return [
    ...losers,
    ...joined.losers.map((loser) => merged(loser, joined.id, null)),
    joined.row
      ? merged(joined.row, id, joined.pairing)
      : { id: joined.id, scope, before: null, refs: joined.refs, survivorId: id, joinedBy: joined.pairing },
  ];
}

/** Stored facts that are kept elsewhere than with the pair and the half that their references lead to. */
function movesOf({ half, joined }: Pair): FactMove[] {
  if (!joined && half.facts.length === 0) return [];
  const { id: orderId, scope } = half;
  const move = (facts: StoredFact[], halfId: string | null): FactMove[] =>
    facts
      .filter((stored) => stored.orderId !== orderId || stored.halfId !== halfId)
      .map(({ fact }) => ({ scope, factId: fact.id, orderId, halfId }));
  return [...move(half.facts, null), ...(joined ? move(joined.facts, joined.id) : [])];
}
