import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { createDatabase } from '../../src/db/database.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import type { Loader } from './loader.ts';
import type { ExpectedOrder } from './messages.ts';
import type { ChaosProgram } from './program.ts';
import type { SubscriberName, Subscribers } from './subscribers.ts';

/** What was found after the last fault. */
export interface Audit {
  counts: Record<string, number>;
  /** In words; nothing where all is well. */
  problems: string[];
}

/** Nothing may be `received`, due or leased for longer, once nothing more is sent. */
export const SETTLED_WITHIN_MS = 30_000;

/** Subscribers that are told of everything in the end; the hanging one never says that it was. */
const told: SubscriberName[] = ['fast', 'slow', 'failing'];

export interface Audited {
  databaseUrl: string;
  loader: Pick<Loader, 'orders' | 'acknowledged' | 'waiting' | 'wrong'>;
  program: ChaosProgram;
  subscribers: Subscribers;
}

/** Waits until nothing is to be done any more, and compares every order with what was sent. */
export async function auditOrders(
  databaseUrl: string,
  loader: Audited['loader'],
): Promise<{ lost: number; doubled: number; problems: string[] }> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const problems = new Problems();
  try {
    await waitUntilSettled(client, null, problems);
    const { lost, doubled } = await checkOrders(client, loader.orders, loader.acknowledged, problems);
    return { lost, doubled, problems: problems.all };
  } finally {
    await client.end();
  }
}

export async function audit(audited: Audited): Promise<Audit> {
  const client = new Client({ connectionString: audited.databaseUrl });
  await client.connect();
  const problems = new Problems();
  try {
    const { loader } = audited;
    if (loader.waiting > 0) problems.add(`${loader.waiting} messages were never acknowledged`);
    problems.list('a right message was refused', loader.wrong);
    const settledMs = await waitUntilSettled(client, audited.program.endpointIds.hanging, problems);
    const messages = await checkMessages(client, audited, problems);
    const orders = await checkOrders(client, loader.orders, loader.acknowledged, problems);
    const events = await checkEvents(client, audited, problems);
    const differences = await verify(audited.databaseUrl, problems);
    return {
      counts: { ...messages, ...orders, ...events, verifyDifferences: differences, settledMs },
      problems: problems.all,
    };
  } finally {
    await client.end();
  }
}

class Problems {
  readonly all: string[] = [];

  add(problem: string): void {
    this.all.push(problem);
  }

  list(what: string, of: readonly string[]): void {
    if (of.length > 0) this.add(`${what}: ${of.length} (${of.slice(0, 5).join('; ')}${of.length > 5 ? '; …' : ''})`);
  }
}

async function waitUntilSettled(client: Client, hanging: string | null, problems: Problems): Promise<number> {
  const since = performance.now();
  for (;;) {
    const { rows } = await client.query<Record<string, number>>(
      `select
         (select count(*)::int from inbox_events where status = 'received') as received,
         (select count(*)::int from resettlements) as resettlements,
         (select count(*)::int from deliveries where status = 'pending' and endpoint_id is distinct from $1) as due,
         (select count(*)::int from deliveries where locked_until is not null and endpoint_id is distinct from $1) as leased`,
      [hanging],
    );
    const [left = {}] = rows;
    const ms = Math.round(performance.now() - since);
    if (Object.values(left).every((count) => count === 0)) return ms;
    if (ms > SETTLED_WITHIN_MS) {
      for (const [what, count] of Object.entries(left)) {
        if (count > 0) problems.add(`stuck ${SETTLED_WITHIN_MS / 1_000} s after the end: ${count} ${what}`);
      }
      return ms;
    }
    await wait(100);
  }
}

/** Every acknowledged message is stored, and of each that is stored something came: once something new, else a duplicate. */
async function checkMessages(client: Client, { loader }: Audited, problems: Problems) {
  const { rows } = await client.query<{ message: string; outcomes: string[] }>(
    `select substring(convert_from(raw, 'UTF8') from 'chaos[0-9]+r?') as message,
       array_agg(coalesce(outcome, status) order by id) as outcomes
     from inbox_events where convert_from(raw, 'UTF8') ~ 'chaos[0-9]' group by 1`,
  );
  const stored = new Map(rows.map(({ message, outcomes }) => [message, outcomes]));
  problems.list(
    'LOST: acknowledged and not stored',
    [...loader.acknowledged.keys()].filter((id) => !stored.has(id)),
  );
  const isNew = (outcome: string): boolean => outcome === 'recorded' || outcome === 'updated';
  // A refund that comes before its payment changes nothing yet, so that its repetition is none either. What it does to the
  // money is looked at with the orders.
  const strange = rows.filter(({ message, outcomes }) => {
    const news = outcomes.filter(isNew).length;
    const isRefund = message.endsWith('r');
    return news === 0 || (news > 1 && !isRefund) || outcomes.some((each) => !isNew(each) && each !== 'duplicate');
  });
  problems.list(
    'outcomes other than one new and duplicates',
    strange.map(({ message, outcomes }) => `${message}: ${outcomes.join(' ')}`),
  );
  return {
    acknowledged: loader.acknowledged.size,
    stored: rows.reduce((sum, { outcomes }) => sum + outcomes.length, 0),
  };
}

interface StoredOrder {
  serial: number;
  status: string;
  affiliateId: string | null;
  net: number;
  refunded: number;
  commission: number;
  posted: number;
  earnings: number;
}

async function checkOrders(
  client: Client,
  expected: readonly ExpectedOrder[],
  acknowledged: ReadonlyMap<string, number>,
  problems: Problems,
) {
  const { rows } = await client.query<StoredOrder>(
    `select substring(coalesce(order_id, reference) from 'chaos([0-9]+)')::int as serial, status,
       affiliate_id as "affiliateId", net_minor::int as net, refunded_minor::int as refunded,
       commission_minor::int as commission, coalesce(l.posted, 0)::int as posted, coalesce(l.earnings, 0)::int as earnings
     from orders left join lateral (
       select sum(amount_minor) as posted, count(*) filter (where amount_minor > 0) as earnings
       from ledger_entries where order_id = orders.id) l on true
     where status <> 'merged'`,
  );
  const bySerial = Map.groupBy(rows, ({ serial }) => serial);
  const [lost, doubled, different]: [string[], string[], string[]] = [[], [], []];
  for (const order of expected) {
    const name = `chaos${order.serial}`;
    const found = bySerial.get(order.serial) ?? [];
    // What nobody acknowledged may be stored or not.
    const whole = acknowledged.has(name) && (order.refundedMinor === 0 || acknowledged.has(`${name}r`));
    if (found.length > 1) doubled.push(`${name} (${order.input}): ${found.length} conversions`);
    const [one] = found;
    if (!one) {
      if (acknowledged.has(name)) lost.push(`${name} (${order.input})`);
      continue;
    }
    if (!whole) continue;
    if (one.earnings > 1) doubled.push(`${name} (${order.input}): ${one.earnings} earnings`);
    const is = [one.affiliateId, one.status, one.net, one.refunded, one.commission, one.posted];
    const { affiliateId, netMinor, refundedMinor, commissionMinor } = order;
    const wanted = [affiliateId, 'pending', netMinor, refundedMinor, commissionMinor, commissionMinor];
    if (is.join() !== wanted.join()) {
      different.push(`${name} (${order.input}): ${is.join(' ')} in the place of ${wanted.join(' ')}`);
    }
  }
  problems.list('LOST: acknowledged and no conversion', lost);
  problems.list('DOUBLED', doubled);
  problems.list('conversions that are not as expected', different);
  const known = new Set(expected.map(({ serial }) => serial));
  problems.list(
    'conversions that nobody sent',
    rows.filter(({ serial }) => !known.has(serial)).map(({ serial, status }) => `${serial} ${status}`),
  );
  return { orders: expected.length, conversions: rows.length, lost: lost.length, doubled: doubled.length };
}

async function checkEvents(client: Client, { program, subscribers }: Audited, problems: Problems) {
  // The subscribers are asked for all types, so none is only told of by its conversion.
  const { rows } = await client.query<{ id: string; type: string; order: string | null }>(
    `select id, type, body::json #>> '{data,orderId}' as "order" from messages where type not like 'endpoint.%' and type not like 'message.%'`,
  );
  const ids = new Set(rows.map(({ id }) => id));
  let repeatedDeliveries = 0;
  for (const name of told) {
    const received = subscribers.received[name];
    problems.list(
      `events that the ${name} subscriber was not told of`,
      rows.filter(({ id }) => !received.has(id)).map(({ id, type }) => `${type} ${id}`),
    );
    for (const times of received.values()) repeatedDeliveries += times - 1;
  }
  const { rows: all } = await client.query<{ id: string }>('select id from every_message');
  const every = new Set(all.map(({ id }) => id));
  const heard = new Set(Object.values(subscribers.received).flatMap((received) => [...received.keys()]));
  problems.list(
    'events that subscribers were told of and that do not exist',
    [...heard].filter((id) => !every.has(id)),
  );
  const created = Map.groupBy(
    rows.filter(({ type, order }) => type === 'conversion.created' && order !== null),
    ({ order }) => order ?? '',
  );
  problems.list(
    'conversions told of under several ids',
    [...created]
      .filter(([, of]) => of.length > 1)
      .map(([order, of]) => `${order}: ${of.map(({ id }) => id).join(' ')}`),
  );
  if (subscribers.received.hanging.size === 0) problems.add('the hanging subscriber was told of nothing');
  const { rows: hangs } = await client.query<{ count: number }>(
    `select count(*)::int as count from deliveries where endpoint_id = $1 and status = 'pending'`,
    [program.endpointIds.hanging],
  );
  return { events: ids.size, repeatedDeliveries, hangingPending: hangs[0]?.count ?? 0 };
}

async function verify(url: string, problems: Problems): Promise<number> {
  const db = createDatabase({ url, role: 'cli', poolSize: 2 });
  try {
    const { total, differences } = await verifyLedger(db);
    problems.list(
      '`verify` finds differences',
      differences.map(({ what, id, field }) => `${what} ${id}: ${field}`),
    );
    return total;
  } finally {
    await db.destroy();
  }
}
