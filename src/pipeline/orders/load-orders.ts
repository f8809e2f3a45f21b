import type { Trx } from '../../db/db.ts';
import { runPositional } from '../../db/sql.ts';
import { newId } from '../../domain/ids.ts';
import type { Resettlement } from '../work/take-work.ts';
import { readMembers } from '../rows/customer-rows.ts';
import { hintOf, hintOfSale, matchHints, type Hint, type Hinted } from './pair-unlinked.ts';
import { lockOrders, type PoolSeed } from './lock-orders.ts';
import { readOrders, type OrderRow } from '../rows/order-rows.ts';
import type { Standing } from '../rules/postings.ts';
import { assembleOrder, takeIn, type Arrival, type MergedOrder, type OrderWork } from './order-work.ts';
import { groupByReference, lockOwners, orderReferences, type OwnedGroup } from './references.ts';
import type { ResettlementRequest } from '../rows/resettlement-rows.ts';
import type { Worlds } from '../rows/load-catalog.ts';
import { scopeKey, type Scope } from '../../domain/scope.ts';
import type { FactMove } from '../rows/fact-rows.ts';
import { readFacts, type StoredFact } from '../rows/fact-rows.ts';
import { readStandings } from '../rows/ledger-rows.ts';

// A customer with more orders than this is settled anew in several batches.
const RESETTLE_AT_ONCE = 500;

/** Which orders the resettlements mean; what is too much for one batch is requested anew. */
export async function findOrdersToSettleAgain(
  trx: Trx,
  resettlements: Resettlement[],
): Promise<{
  orderIds: string[];
  customerIds: string[];
  remaining: ResettlementRequest[];
}> {
  const orderIds = resettlements.flatMap(({ orderId }) => orderId ?? []);
  const customerIds = [...new Set(resettlements.flatMap(({ customerId }) => customerId ?? []))];
  const remaining: ResettlementRequest[] = [];
  if (customerIds.length > 0) {
    const members = await readMembers(trx, customerIds);
    const found = await runPositional<{ id: string; program_id: string; livemode: boolean }>(
      trx,
      `select id, program_id, livemode from orders where customer_id = any(?) and merged_into is null order by id`,
      [[...members.keys()]],
    );
    for (const [index, { id, program_id: programId, livemode }] of found.entries()) {
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
  again: string[],
  worlds: Worlds,
): Promise<LoadedOrders> {
  const items = arrivals
    .filter(({ fact }) => fact.refs.length > 0)
    .map((arrival) => ({
      scope: { programId: arrival.event.programId, livemode: arrival.event.livemode },
      refs: arrival.fact.refs,
      member: arrival,
    }));
  const seeds = items.flatMap(({ scope, member }): PoolSeed[] => {
    const hint = member.fact.type === 'sale' ? hintOfSale(member.fact) : null;
    return hint ? [{ scope, key: hint.key, at: hint.at }] : [];
  });
  const { groups, locked } = await lockOwners(
    trx,
    orderReferences,
    groupByReference(items),
    again,
    () => newId('cnv'),
    (trx, ids) => lockOrders(trx, ids, seeds),
  );
  return loadOrders(trx, groups, locked, worlds);
}

/**
 * Loads orders by id, and puts together what is known of them with what the groups bring. `strictly`: in no other world
 * than the one that they remember.
 */
export async function loadOrders(
  trx: Trx,
  groups: OwnedGroup<Arrival>[],
  ids: string[],
  worlds: Worlds,
  strictly = false,
): Promise<LoadedOrders> {
  const before = await readOrders(trx, ids);
  const facts = await readFacts(trx, ids);
  const standings = await readStandings(trx, ids);
  await worlds.load(trx, [
    ...[...before.values()].flatMap((row) =>
      (facts.get(row.id) ?? []).map(({ fact }) => ({ programId: row.programId, evidence: fact.evidence })),
    ),
    ...[...before.values()].map(({ programId }) => ({ programId, evidence: {} })),
  ]);
  await loadRemembered(trx, before, worlds);
  const loaded: LoadedOrders = { orders: [], merged: [], moves: [] };
  for (const { part, joined } of joinParts(gatherParts(groups, before, facts))) {
    assemble(part, joined, loaded, standings, worlds, strictly);
  }
  return loaded;
}

/** Reads whom the orders' explanations name, who may have other codes by now. */
async function loadRemembered(trx: Trx, before: Map<string, OrderRow>, worlds: Worlds): Promise<void> {
  const named = [...before.values()].flatMap(({ explanation }) =>
    explanation ? [explanation.chosen, ...explanation.passedOver].flatMap((one) => one?.affiliateId ?? []) : [],
  );
  const offers = [...before.values()].flatMap(({ explanation }) => [
    explanation?.offer?.offerId ?? [],
    explanation?.rules?.defaultOfferId ?? [],
  ]);
  await worlds.loadByIds(trx, [...new Set(named)], [...new Set(offers.flat())]);
}

export interface LoadedOrders {
  orders: OrderWork[];
  merged: MergedOrder[];
  /** Facts that are kept with another order than they belong to from now on. */
  moves: FactMove[];
}

/** An order as its references alone make it: what is stored of it, and what this batch brings. */
interface Part {
  id: string;
  scope: Scope;
  row: OrderRow | null;
  /** Orders that turn out to be this one by a message that names both. */
  losers: OrderRow[];
  members: Arrival[];
  facts: StoredFact[];
  hint: Hint | null;
}

function gatherParts(
  groups: OwnedGroup<Arrival>[],
  before: Map<string, OrderRow>,
  facts: Map<string, StoredFact[]>,
): Part[] {
  const parts: Part[] = [];
  const grouped = new Set<string>();
  for (const { ownerId, merged, scope, members } of groups) {
    const ids = [ownerId, ...merged];
    for (const id of ids) grouped.add(id);
    parts.push({
      id: ownerId,
      scope,
      row: before.get(ownerId) ?? null,
      losers: merged.flatMap((id) => before.get(id) ?? []),
      members,
      facts: ids.flatMap((id) => facts.get(id) ?? []),
      hint: null,
    });
  }
  for (const [id, row] of before) {
    if (grouped.has(id)) continue;
    const scope = { programId: row.programId, livemode: row.livemode };
    parts.push({ id, scope, row, losers: [], members: [], facts: facts.get(id) ?? [], hint: null });
  }
  return parts;
}

/** Pairs the parts that hints join. Of two the one that the world heard of first stands for both. */
function joinParts(parts: Part[]): { part: Part; joined: Part | null }[] {
  const hinted = new Map<Hinted, Part>();
  for (const part of parts) {
    const said = [...part.facts, ...part.members].map(({ fact }) => fact);
    if (!said.some((fact) => fact.type === 'sale' && hintOfSale(fact) !== null)) continue;
    part.hint = hintOf(takeIn(part.facts, part.members).state);
    if (!part.hint) continue;
    const key = `${scopeKey(part.scope)} ${part.hint.key}`;
    const reference = said.flatMap(({ refs }) => refs).reduce((least, ref) => (ref < least ? ref : least));
    hinted.set({ id: part.id, reference, hint: { ...part.hint, key } }, part);
  }
  const partner = new Map<Part, Part>();
  for (const pair of matchHints([...hinted.keys()])) {
    const [a, b] = pair.flatMap((one) => hinted.get(one) ?? []);
    if (!a || !b) continue;
    const [older, younger] = isOlder(a, b) ? [a, b] : [b, a];
    partner.set(older, younger).set(younger, older);
  }
  return parts.flatMap((part) => {
    const other = partner.get(part) ?? null;
    return other && !isOlder(part, other) ? [] : [{ part, joined: other }];
  });
}

function isOlder(a: Part, b: Part): boolean {
  const rank = ({ row }: Part): number => (row === null ? 0 : row.kind === null ? 1 : 2);
  return rank(a) === rank(b) ? a.id < b.id : rank(a) > rank(b);
}

/** Adds one order, made of one part or of two, with what it takes over and where its facts belong now. */
function assemble(
  part: Part,
  joined: Part | null,
  loaded: LoadedOrders,
  standings: Map<string, Standing[]>,
  worlds: Worlds,
  strictly: boolean,
): void {
  const { id, scope } = part;
  const work = assembleOrder(
    { ownerId: id, scope, members: [...part.members, ...(joined?.members ?? [])] },
    part.row,
    [...part.facts, ...(joined?.facts ?? [])],
    standings.get(id) ?? [],
    worlds.of(scope.programId),
    [...part.losers, ...(joined?.row ? [joined.row] : []), ...(joined?.losers ?? [])],
    strictly,
  );
  work.hint = part.hint;
  const gone = (row: OrderRow, joinedBy: Hint | null): MergedOrder => {
    const survivorId = joinedBy || !joined?.losers.includes(row) ? id : joined.id;
    return { id: row.id, scope, before: row, survivorId, standings: standings.get(row.id) ?? [], joinedBy };
  };
  for (const loser of part.losers) loaded.merged.push(gone(loser, null));
  for (const loser of joined?.losers ?? []) loaded.merged.push(gone(loser, null));
  if (joined) {
    const factIds = new Set([...joined.facts, ...joined.members].map(({ fact }) => fact.id));
    work.joined = { id: joined.id, factIds };
    if (joined.row) loaded.merged.push(gone(joined.row, joined.hint));
    else
      loaded.merged.push({ id: joined.id, scope, before: null, survivorId: id, standings: [], joinedBy: joined.hint });
  }
  loaded.orders.push(work);
  for (const { fact, orderId, partId } of part.facts) {
    if (orderId !== id || partId !== null) loaded.moves.push({ scope, factId: fact.id, orderId: id, partId: null });
  }
  for (const { fact, orderId, partId } of joined?.facts ?? []) {
    const wanted = joined?.id ?? null;
    if (orderId !== id || partId !== wanted) {
      loaded.moves.push({ scope, factId: fact.id, orderId: id, partId: wanted });
    }
  }
}
