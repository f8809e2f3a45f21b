import { newId } from '../../src/domain/ids.ts';
import { findFreePort } from '../../src/db/postgres-server.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { buildStatistics, rollUpBalances, rollUpConversionTotals } from '../../src/statistics/rollups.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startChild } from './child.ts';
import { fillFunnel } from './filled-funnel.ts';
import { fillProgram, type FilledProgram } from './filled-program.ts';
import { round, type BenchResult, type Mark } from './result.ts';
import { startBenchServices, type BenchServices } from './services.ts';

const SMALL = 1_000;
const LARGE = 1_000_000;
const ROUNDS = 150;

/**
 * First pages of lists, and statistics, over a program of a million conversions (and clicks) next to one of a thousand, by
 * turns, so that both see the same machine: what the large one takes, and how many times what the small one does.
 */
export async function runListsBench(backend: 'postgres' | 'redis'): Promise<BenchResult> {
  const services = await startBenchServices(backend);
  const port = await findFreePort();
  const web = startChild('src/server.ts', { ...services.env, PORT: String(port), HOST: '127.0.0.1' });
  try {
    await waitUntil('the web process is ready', async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    const small = await prepare(services, SMALL);
    const large = await prepare(services, LARGE);
    await services.db.raw('vacuum analyze');
    const figures: Record<string, number> = {};
    const marks: Mark[] = [];
    for (const [name, pathOf] of Object.entries(reads)) {
      const [few, many] = await measure(port, [small, large], pathOf);
      figures[`${name}: p50 ms`] = round(quantile(many, 0.5));
      figures[`${name}: p50 ratio`] = round(quantile(many, 0.5) / quantile(few, 0.5));
      figures[`${name}: p95 ms`] = round(quantile(many, 0.95));
      figures[`${name}: p99 ms`] = round(quantile(many, 0.99));
      const ratio = quantile(many, 0.99) / quantile(few, 0.99);
      figures[`${name}: p99 ratio`] = round(ratio);
      if (!slower.has(name)) marks.push({ name: `${name}: p99 ratio`, value: ratio, atMost: 3 });
      const atMost = name.startsWith('stats') ? 200 : 50;
      marks.push({ name: `${name}: p95 ms`, value: quantile(many, 0.95), atMost });
    }
    return { name: 'lists', backend, figures, marks };
  } finally {
    await web.stop();
    await services.stop();
  }
}

/** What is counted one by one takes as long as there is to count: there, only the time itself is bounded. */
const slower: ReadonlySet<string> = new Set(['stats by sub1 of two weeks', 'stats by source of two days']);

interface Program extends FilledProgram {
  key: string;
}

/** Of each: the affiliate with a third of everything, and an offer that has next to nothing. */
const reads: Record<string, (program: Program) => string> = {
  conversions: () => '/api/v1/conversions',
  'conversions by status': () => '/api/v1/conversions?status=approved',
  'conversions by affiliate': ({ affiliateId }) => `/api/v1/conversions?affiliateId=${affiliateId}`,
  'conversions of a rare offer': ({ rareOfferId }) => `/api/v1/conversions?offerId=${rareOfferId}`,
  commissions: () => '/api/v1/commissions',
  clicks: () => '/api/v1/clicks',
  affiliates: () => '/api/v1/affiliates',
  affiliate: ({ affiliateId }) => `/api/v1/affiliates/${affiliateId}`,
  'tracking links': () => '/api/v1/tracking-links',
  balances: () => '/api/v1/balances',
  stats: () => '/api/v1/stats',
  'stats of a period': () => '/api/v1/stats?startDate=2026-03-05&endDate=2026-04-20',
  'stats by day': () => '/api/v1/stats?groupBy=day',
  'stats by month of an affiliate': ({ affiliateId }) => `/api/v1/stats?groupBy=month&affiliateId=${affiliateId}`,
  'stats by affiliate': () => '/api/v1/stats?breakdown=affiliate&limit=10',
  'stats by offer of a period': () => '/api/v1/stats?breakdown=offer&startDate=2026-03-05&endDate=2026-04-20',
  'stats by sub1 of two weeks': () => '/api/v1/stats?breakdown=sub1&startDate=2026-03-05&endDate=2026-03-18',
  'stats by source of two days': () => '/api/v1/stats?breakdown=source&startDate=2026-03-05&endDate=2026-03-06',
  'conversions, oldest first': () => '/api/v1/conversions?sort=createdAt',
  'conversions by a rare reason': () => '/api/v1/conversions?reason=cap_exceeded',
  leads: () => '/api/v1/conversions?kind=lead',
  reviews: () => '/api/v1/reviews',
  events: () => '/api/v1/events',
  'events by type': () => '/api/v1/events?eventType=pageview',
  'affiliates by text': () => '/api/v1/affiliates?q=jan',
  'affiliates with figures': () => '/api/v1/affiliates?include=stats,balance',
  'Attro conversions': () => '/attro/api/v1/conversions',
  'Attro conversions by status': () => '/attro/api/v1/conversions?status=pending',
  'Attro conversions by affiliate': ({ affiliateId }) => `/attro/api/v1/conversions?affiliateId=${affiliateId}`,
  'Attro tracking links': () => '/attro/api/v1/tracking-links',
  'affilut conversions': () => '/affilut/api/v1/conversions',
  'AffSpace conversions': () => '/affspace/api/v1/conversions',
  'AffSpace conversions of a rare offer': ({ rareOfferId }) => `/affspace/api/v1/conversions?offer_code=${rareOfferId}`,
  'Refgrow affiliates': () => '/refgrow/v1/affiliates',
  'Refgrow commissions': () => '/refgrow/v1/commissions',
  'Refgrow commissions by affiliate': ({ affiliateId }) => `/refgrow/v1/commissions?affiliateId=${affiliateId}`,
};

async function prepare(services: BenchServices, conversions: number): Promise<Program> {
  const { db } = services;
  const programId = newId('prg');
  await db('programs').insert({ id: programId, name: 'Benchmark', timezone: 'America/New_York' });
  // Half a year at once is counted faster from its rows than from a delta for every quarter of an hour of it.
  await db.raw(
    'alter table clicks disable trigger clicks_are_counted; alter table orders disable trigger orders_are_counted',
  );
  const filled = await fillProgram(db, programId, conversions);
  await db.raw('alter table facts disable trigger funnel_events_are_counted');
  await fillFunnel(db, filled, conversions);
  await db.raw('alter table facts enable trigger funnel_events_are_counted');
  await db.raw(
    'alter table clicks enable trigger clicks_are_counted; alter table orders enable trigger orders_are_counted',
  );
  while ((await buildStatistics(db)) > 0);
  while ((await rollUpBalances(db, 20_000)) > 0);
  while ((await rollUpConversionTotals(db, 20_000)) > 0);
  const { plaintext: key } = await createKey(db, programId, { name: 'bench', mode: 'live', access: 'read' });
  return { ...filled, key };
}

async function measure(
  port: number,
  programs: Program[],
  pathOf: (program: Program) => string,
): Promise<[number[], number[]]> {
  const times = programs.map((): number[] => []);
  for (let turn = -10; turn < ROUNDS; turn += 1) {
    for (const [index, program] of programs.entries()) {
      const started = performance.now();
      const answer = await fetch(`http://127.0.0.1:${port}${pathOf(program)}`, {
        headers: { authorization: `Bearer ${program.key}` },
      });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${pathOf(program)} answered ${answer.status}: ${text}`);
      if (turn >= 0) times[index]?.push(performance.now() - started);
    }
  }
  const [few = [], many = []] = times;
  return [few, many];
}

function quantile(times: number[], q: number): number {
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * q) - 1] ?? Number.NaN;
}
