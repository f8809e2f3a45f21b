import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { replayMessages } from '../../src/audit/replay-messages.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { runSql } from '../support/sql.ts';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { cliEnvironment, runCli } from '../cli/run-cli.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { invoicePaid, paid, refunded, stripeEvent } from '../journeys/stripe-events.ts';

let hub: TestHub;
before(async () => {
  hub = await startHub();
});
after(() => hub.stop());

const paidAt = Date.UTC(2026, 8, 1) / 1_000;

async function image(program: HttpProgram): Promise<unknown> {
  return runSql(
    hub.db,
    `select o.id, o.status, o.commission_minor::text as commission,
       (select array_agg(l.id order by l.id) from ledger_entries l where l.order_id = o.id) as entries
     from orders o where program_id = ? order by o.id`,
    [program.id],
  );
}

describe('a replay', () => {
  test('of everything that was recorded adds nothing: no posting, no message, no change', async () => {
    const program = await openHttpProgram(hub);
    const one = { id: 'replay', currency: 'usd', paidAt };
    await program.stripe(paid(one, 10_000));
    await program.stripe(refunded(one, '1', 3_000, 1));
    const body = { affiliate_id: program.affiliateId, amount: '5.00', currency: 'USD' };
    await program.api.post('/conversions', body);
    await program.settled();
    const [before, told] = [await image(program), await program.told('conversion.updated')];
    const { code, stdout, stderr } = await runCli(['replay', '--program', program.id], cliEnvironment(hub));
    assert.deepEqual([code, stdout.trim()], [0, 'Replayed 3 messages: 3 duplicate'], stderr);
    assert.deepEqual(await image(program), before);
    assert.equal(await program.told('conversion.updated'), told);
    const events = (await program.api.get('/inbox-events')).body.data as { id: string }[];
    for (const { id } of events) assert.equal((await program.api.post(`/inbox-events/${id}/replay`)).status, 202);
    await program.settled();
    assert.deepEqual(await image(program), before);
    assert.equal((await verifyLedger(hub.db, { programId: program.id })).total, 0);
  });

  test('of what failed settles it by the map of today and the terms of its time', async () => {
    const program = await openHttpProgram(hub);
    const source = { kind: 'postback', purpose: 'primary', response: 'json', requireKey: false };
    const made = await program.api.post('/sources', { ...source, statuses: { ok: 'sale' } });
    const tracker = made.body.data.id as string;
    const click = await program.api.post('/clicks', { affiliateId: program.affiliateId, offerId: program.offerId });
    const url = `//pb/${tracker}?cid=${click.body.data.id}&txid=r-1&status=paid&sum=100.00&currency=USD`;
    assert.equal((await program.api.get(url)).body.data.reason, 'unknown_status');
    assert.deepEqual(await program.postings(), []);
    // The merchant mends the map, and meanwhile pays less to new customers.
    const patched = await program.api.patch(`/sources/${tracker}`, { statuses: { ok: 'sale', paid: 'sale' } });
    assert.equal(patched.status, 200, patched.text);
    await program.api.patch(`/offers/${program.offerId}`, { commission: { type: 'cps', rateBps: 100 } });
    const { stdout } = await runCli(['replay', '--source', tracker], cliEnvironment(hub));
    assert.equal(stdout.trim(), 'Replayed 1 message: 1 updated');
    assert.deepEqual(await program.postings(), [2_000]);
  });

  test('since a time, and of failed messages alone', async () => {
    const program = await openHttpProgram(hub);
    await program.stripe(paid({ id: 'old', currency: 'usd', paidAt }, 10_000));
    await program.stripe(paid({ id: 'unreadable', currency: 'usd', paidAt }, -1));
    await program.settled();
    const replay = async (...args: string[]): Promise<string> => {
      const { stdout, stderr } = await runCli(['replay', '--program', program.id, ...args], cliEnvironment(hub));
      return (stdout + stderr).trim().split('\n')[0] ?? '';
    };
    await hub.db('inbox_events').where({ program_id: program.id }).update({ received_at: '2026-01-15T00:00:00Z' });
    assert.equal(await replay('--since', '2026-02-01', '--json'), '{"messages":0,"outcomes":{}}');
    assert.equal(
      await replay('--since', '2026-01-15', '--json'),
      '{"messages":2,"outcomes":{"duplicate":1,"unprocessable":1}}',
    );
    assert.equal(await replay('--failed', '--json'), '{"messages":1,"outcomes":{"unprocessable":1}}');
    const nothing = await runCli(['replay'], cliEnvironment(hub));
    assert.equal(nothing.code, 1);
    assert.match(nothing.stderr, /Say which messages/);
    const noTime = await runCli(['replay', '--since', 'yesterday'], cliEnvironment(hub));
    assert.equal(noTime.code, 1);
    assert.match(noTime.stderr, /must be a date or time, such as/);
  });

  test('of what came by a source that is deleted understands it by what the source said', async () => {
    const program = await openHttpProgram(hub);
    await program.stripe(paid({ id: 'gone', currency: 'usd', paidAt }, 10_000));
    await program.stripe(paid({ id: 'unreadable', currency: 'usd', paidAt }, -1));
    await program.stripe(stripeEvent('payout.paid', paidAt, { id: 'po_1', object: 'payout' }));
    await program.stripe(paid({ id: 'misread', currency: 'usd', paidAt }, 5_000));
    await program.settled();
    const events = (await program.api.get('/inbox-events')).body.data as { id: string; sourceId: string }[];
    assert.equal((await program.api.delete(`/sources/${events[0]?.sourceId}`)).status, 204);
    // As if the code of its day had not been able to read the last of them.
    await hub.db('facts').where({ program_id: program.id }).whereLike('id', '%misread%').delete();
    await hub
      .db('inbox_events')
      .where({ id: events[0]?.id })
      .update({ status: 'unprocessable', error: 'not understood then', facts: '[]' });

    const statuses = async (): Promise<unknown> =>
      runSql(hub.db, `select status, outcome, reason, error from inbox_events where program_id = ? order by id`, [
        program.id,
      ]);
    const before = (await statuses()) as unknown[];
    const { code, stdout, stderr } = await runCli(['replay', '--program', program.id], cliEnvironment(hub));
    const counted = 'Replayed 4 messages: 1 duplicate, 1 ignored, 1 recorded, 1 unprocessable';
    assert.deepEqual([code, stdout.trim()], [0, counted], stderr);
    const after = (await statuses()) as unknown[];
    assert.deepEqual(after.slice(1, 3), before.slice(1, 3), 'what was nothing to settle is that still');
    for (const { id } of events) assert.equal((await program.api.post(`/inbox-events/${id}/replay`)).status, 202);
    await program.settled();
    assert.deepEqual(((await statuses()) as unknown[]).slice(1, 3), before.slice(1, 3));
    assert.equal((await verifyLedger(hub.db, { programId: program.id })).total, 0);
  });

  test('of what nobody can read again leaves it what it was, also where that is no fact at all', async () => {
    const program = await openHttpProgram(hub);
    const stored = { program_id: program.id, kind: 'conversion', livemode: true, raw: Buffer.from('?') };
    const now = new Date();
    const times = { next_enqueue_at: now, received_at: now, settled_at: now };
    const headers = { headers: JSON.stringify({ surface: 'attro' }) };
    const rows = [
      { id: 'ibx_standing_1', status: 'ignored', outcome: 'ignored', reason: 'of no concern' },
      { id: 'ibx_standing_2', status: 'unprocessable', outcome: 'unprocessable', error: 'cannot be read' },
      { id: 'ibx_standing_3', status: 'failed', outcome: 'failed', error: 'the program was away' },
    ];
    for (const row of rows) await hub.db('inbox_events').insert({ ...stored, ...times, ...headers, ...row });
    const { code, stdout } = await runCli(['replay', '--program', program.id], cliEnvironment(hub));
    assert.deepEqual([code, stdout.trim()], [0, 'Replayed 3 messages: 1 ignored, 1 recorded, 1 unprocessable']);
    const kept = await runSql(
      hub.db,
      `select id, status, reason, error from inbox_events where program_id = ? order by id`,
      [program.id],
    );
    assert.deepEqual(kept, [
      { id: 'ibx_standing_1', status: 'ignored', reason: 'of no concern', error: null },
      { id: 'ibx_standing_2', status: 'unprocessable', reason: null, error: 'cannot be read' },
      { id: 'ibx_standing_3', status: 'processed', reason: null, error: null },
    ]);
  });

  test('of what fails again says so, exits with 1, and leaves it failed', async () => {
    const program = await openHttpProgram(hub);
    await program.stripe(paid({ id: 'sound', currency: 'usd', paidAt }, 10_000));
    await program.settled();
    // A time that the database cannot read: what no adapter makes, but a bug might. A refund's facts stand as recorded.
    const poison = {
      type: 'refund',
      id: 'refund:poison',
      refs: ['order:poison'],
      occurredAt: 'the day after tomorrow',
      customer: null,
      evidence: {},
      refundId: 'poison',
      amount: null,
    };
    await hub.db('inbox_events').insert({
      id: 'ibx_poison',
      program_id: program.id,
      kind: 'refund',
      livemode: true,
      raw: Buffer.from('{}'),
      facts: JSON.stringify([poison]),
      status: 'failed',
      outcome: 'failed',
      error: 'it failed before',
      next_enqueue_at: new Date(),
      received_at: new Date(),
      settled_at: new Date(),
    });
    const { code, stdout, stderr } = await runCli(['replay', '--program', program.id], cliEnvironment(hub));
    assert.deepEqual([code, stdout.trim()], [1, 'Replayed 2 messages: 1 duplicate, 1 failed'], stderr);
    assert.match(stderr, /^1 failed: GET \/api\/v1\/inbox-events\?status=failed tells the error of each/m);
    const [failed] = (await program.api.get('/inbox-events?status=failed')).body.data as {
      id: string;
      error: string;
    }[];
    assert.equal(failed?.id, 'ibx_poison');
    assert.match(failed.error, /"the day after tomorrow"/);
    const json = await runCli(['replay', '--program', program.id, '--failed', '--json'], cliEnvironment(hub));
    assert.deepEqual([json.code, json.stdout.trim()], [1, '{"messages":1,"outcomes":{"failed":1}}']);
  });

  test('of what another process keeps locked says how many were not settled, and what to do', async () => {
    const program = await openHttpProgram(hub);
    await program.stripe(paid({ id: 'held', currency: 'usd', paidAt }, 10_000));
    await program.stripe(paid({ id: 'free', currency: 'usd', paidAt }, 10_000));
    await program.settled();
    const [first, second] = await runSql<{ id: string }>(
      hub.db,
      'select id from inbox_events where program_id = ? order by id',
      [program.id],
    );
    const lock = async (id = '') => {
      const trx = await hub.db.transaction();
      await runSql(trx, 'select from inbox_events where id = ? for update', [id]);
      return trx;
    };
    const log = pino({ level: 'silent' });
    const replay = () => replayMessages({ db: hub.db, clock: systemClock, log }, { programId: program.id });
    // The replay is stopped at the second message, so that the first one can be locked between its reading and its settling.
    const barrier = await lock(second?.id);
    const replayed = assert.rejects(replay(), {
      message:
        'Still unsettled after 5 tries: 1 of 2 messages. A worker holds them and ' +
        'will settle them; run the replay again for the messages after them',
    });
    await waitUntil('the replay waits for the second message', async () => {
      const sql = `select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query like '%lockInboxEvents%for update%'`;
      return (await runSql(hub.db, sql)).length > 0;
    });
    const held = await lock(first?.id);
    await barrier.rollback();
    await replayed;
    await held.rollback();
    await program.settled();
    assert.deepEqual(await replay(), { messages: 2, outcomes: new Map([['duplicate', 2]]) });
  });

  test('of more messages than a page goes on page by page, and says so', async () => {
    const program = await openHttpProgram(hub);
    await program.stripe(paid({ id: 'unreadable', currency: 'usd', paidAt }, -1));
    await program.settled();
    await hub.db.raw(
      `insert into inbox_events (id, program_id, source_id, kind, livemode, raw, headers, status, error, next_enqueue_at,
         received_at, settled_at)
       select 'ibx_' || md5(id || n), program_id, source_id, kind, livemode, raw, headers, status, error, next_enqueue_at,
         received_at, settled_at
       from inbox_events, generate_series(2, 250) as n where program_id = ?`,
      [program.id],
    );
    const { code, stdout, stderr } = await runCli(['replay', '--program', program.id], cliEnvironment(hub));
    assert.deepEqual([code, stdout.trim()], [0, 'Replayed 250 messages: 250 unprocessable'], stderr);
    assert.deepEqual(stderr.match(/\d+(?= messages)/g), ['100', '200']);
  });
});

describe('tributary explain', () => {
  test('tells the story of an order as a timeline, by conversion id, order id and any reference', async () => {
    const program = await openHttpProgram(hub, { program: { autoApprove: true } });
    const one = { id: 'story', currency: 'usd', paidAt };
    await program.stripe(refunded(one, '1', 3_000, 5));
    await program.settled();
    await program.stripe(paid(one, 10_000));
    await program.settled();
    const [conversion] = await program.conversions();
    const payout = await program.api.post('/payouts', { affiliateId: program.affiliateId, currency: 'USD' });
    assert.equal(payout.status, 201);
    const stories: string[] = [];
    for (const id of [conversion?.id ?? '', 'pi_story', 'stripe:ch_story', `com_${conversion?.id.slice(4)}`]) {
      const { code, stdout, stderr } = await runCli(['explain', id], cliEnvironment(hub));
      assert.equal(code, 0, stderr);
      stories.push(stdout);
    }
    assert.equal(new Set(stories).size, 1);
    const [story = ''] = stories;
    const told = [
      `${conversion?.id}: sale, approved`,
      'known as    stripe:ch_story, stripe:pi_story',
      'gross 100.00 USD, net 100.00 USD, refunded 30.00 USD',
      'because of  affiliate: partner-one',
      'cps: 2000 bps',
      '2026-09-01T00:00:00.000Z  sale of 100.00 USD',
      '+20.00 USD earning',
      '2026-09-01T00:05:00.000Z  refund re_story_1 of 30.00 USD',
      '-6.00 USD refund',
      payout.body.data.id as string,
      'stands at 14.00 USD',
    ];
    let from = 0;
    for (const words of told) {
      const at = story.indexOf(words, from);
      assert.ok(at >= 0, `${words}\n${story}`);
      from = at;
    }
    await program.api.patch(`/payouts/${payout.body.data.id}`, { status: 'failed' });
    const more = await program.api.post('/conversions', {
      affiliate_id: 'partner-one',
      order_id: 'decided',
      amount: 5,
    });
    await program.api.post('/conversions', { order_id: 'decided', amount: 5, referral_code: 'partner-one' });
    const { id } = (await program.api.get(`/conversions/${more.body.data.conversionId}`)).body.data.commission;
    await program.api.patch(`/commissions/${id}`, { status: 'rejected', reason: 'fraud' });
    const { stdout: decided } = await runCli(['explain', 'decided'], cliEnvironment(hub));
    assert.match(
      decided,
      /because of {2}affiliate: partner-one\n {2}beside {6}referral_code: partner-one \(weaker evidence\)/,
    );
    const [key] = await hub.db('api_keys').where({ program_id: program.id, mode: 'live' }).select('id', 'name');
    assert.ok(decided.includes(`rejected by the key '${key.name}' (${key.id}): fraud`), decided);
    const cut = 'in_1S8gbzTr1bFx7Hubn3clP6';
    const link = stripeEvent('payment_intent.succeeded', paidAt, {
      id: 'pi_cut',
      amount: 4_900,
      amount_received: 4_900,
      currency: 'usd',
      metadata: {},
      payment_details: { order_reference: cut },
    });
    await program.stripe(link);
    await program.settled();
    const knownAs = async (): Promise<string> => {
      const { stdout } = await runCli(['explain', 'pi_cut'], cliEnvironment(hub));
      return /known as {4}(.*)/.exec(stdout)?.[1] ?? '';
    };
    assert.equal(await knownAs(), `stripe:pi_cut, stripe:~${cut}`);
    const invoice = JSON.stringify(invoicePaid('cut', '1', 4_900, paidAt)).replaceAll('in_cut_1', `${cut}8n`);
    await program.stripe(JSON.parse(invoice) as object);
    await program.settled();
    assert.equal(await knownAs(), `stripe:${cut}8n, stripe:pi_cut`, 'the whole id, once it is there');
    const json = await runCli(['explain', 'pi_story', '--json'], cliEnvironment(hub));
    assert.equal(JSON.parse(json.stdout)[0].order.id, conversion?.id);
    const unknown = await runCli(['explain', 'nobody'], cliEnvironment(hub));
    assert.deepEqual([unknown.code, unknown.stderr.trim()], [1, 'No order is known as nobody']);
  });
});
