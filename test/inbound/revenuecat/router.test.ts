import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { inTransaction } from '../../../src/db/db.ts';
import { createAffiliate } from '../../../src/program/affiliates.ts';
import { createOffer } from '../../../src/program/offers.ts';
import { createProgram } from '../../../src/program/programs.ts';
import { createSource, findSource, revenuecatSettingsSchema } from '../../../src/program/sources.ts';
import type { RevenuecatSource } from '../../../src/program/sources.ts';
import { normalizeStoredRevenueCat } from '../../../src/inbound/revenuecat/router.ts';
import { signRevenueCat } from '../../../src/inbound/revenuecat/verify.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { waitUntil } from '../../support/wait-until.ts';

const folder = new URL('../../../fixtures/revenuecat/', import.meta.url);
const authorization = 'Bearer rc-s3cret';
const hmacSecret = 'whs_example';

let hub: TestHub;
let programId: string;
let affiliateId: string;

before(async () => {
  hub = await startHub();
  ({ programId, affiliateId } = await makeProgram());
});
after(() => hub.stop());

async function makeProgram() {
  const { id: programId } = await createProgram(hub.db, { name: 'App' });
  const commission = { type: 'revshare', rateBps: 2000, durationMonths: null } as const;
  await createOffer(hub.db, { programId, livemode: true }, { name: 'App', url: 'https://app.example.com', commission });
  const { id: affiliateId } = await inTransaction(hub.db, (trx) =>
    createAffiliate(trx, { programId, livemode: true }, { displayName: 'A', email: 'a@example.com' }),
  );
  return { programId, affiliateId };
}

async function makeSource(secrets: object = { authorization }, settings: object = {}, program = programId) {
  const { id } = await createSource(hub.db, hub.deps.secrets, program, {
    kind: 'revenuecat',
    settings: revenuecatSettingsSchema.parse(settings),
    secrets: { authorization: null, hmacSecret: null, ...secrets },
  });
  return id;
}

const fixture = (name: string, affiliate = affiliateId): string =>
  readFileSync(new URL(`${name}.json`, folder), 'utf8').replaceAll('__AFFILIATE_ID__', affiliate);

async function send(sourceId: string, body: string | Buffer, headers: Record<string, string> = { authorization }) {
  const response = await fetch(`${hub.url}/in/revenuecat/${sourceId}`, { method: 'POST', headers, body });
  return { status: response.status, body: (await response.json()) as { error?: { code: string; message: string } } };
}

const eventsOf = (sourceId: string) => hub.db('inbox_events').where({ source_id: sourceId }).orderBy('id').select('*');

async function untilSettled(sourceId: string) {
  return await waitUntil('all messages are settled', async () => {
    const events = await eventsOf(sourceId);
    return events.every((event) => event.status !== 'received') ? events : null;
  });
}

async function conversionsOf(program: string) {
  const rows = await hub
    .db('orders')
    .where({ program_id: program, merged_into: null })
    .whereNotNull('kind')
    .orderBy(['occurred_at', 'reference'])
    .select('kind', 'net_minor', 'commission_minor', 'livemode');
  return rows.map((row) => [row.kind, Number(row.net_minor), Number(row.commission_minor), row.livemode as boolean]);
}

describe('a message of RevenueCat', () => {
  it('initial, renewal, retry, unsubscribe, support refund, sandbox: 200, 200, 0, 0, −200, 0', async () => {
    const source = await makeSource();
    const files = ['01-initial-purchase', '02-renewal', '03-renewal-retry', '04-unsubscribe', '05-support-refund'];
    for (const file of [...files, '06-sandbox-purchase', '07-expiration']) {
      assert.deepEqual(await send(source, fixture(`subscription/${file}`)), { status: 200, body: { received: true } });
      // One after the other: of two that are settled at once either may be the one that is new.
      await untilSettled(source);
    }
    const events = await eventsOf(source);
    assert.deepEqual(
      events.map((event) => event.outcome as string),
      ['recorded', 'recorded', 'duplicate', 'ignored', 'updated', 'recorded', 'ignored'],
    );
    assert.deepEqual(await conversionsOf(programId), [
      ['sale', 1000, 200, true],
      ['sale', 1000, 200, false],
      ['renewal', 1000, 0, true],
    ]);
  });

  it('that is ignored or unreadable is stored and answered 200, so that it stops coming', async () => {
    const source = await makeSource();
    for (const body of [fixture('ignored/04-not-known-yet'), '{"event":', '', '[]', '{"event":{"type":"RENEWAL"}}']) {
      assert.equal((await send(source, body)).status, 200, body.slice(0, 30));
    }
    const events = await eventsOf(source);
    assert.deepEqual(
      events.map((event) => event.status as string),
      ['ignored', 'unprocessable', 'unprocessable', 'unprocessable', 'unprocessable'],
    );
    assert.equal(String(events[1]?.raw), '{"event":');
  });

  it('with a wrong header is 401, and stored nowhere', async () => {
    const source = await makeSource();
    const body = fixture('subscription/01-initial-purchase');
    for (const headers of [{}, { authorization: 'Bearer rc-s3cret2' }, { authorization: 'rc-s3cret' }]) {
      const answer = await send(source, body, headers);
      assert.deepEqual([answer.status, answer.body.error?.code], [401, 'UNAUTHORIZED']);
    }
    assert.equal((await eventsOf(source)).length, 0);
  });

  it('signed is believed by its signature alone, or by both', async () => {
    const body = fixture('ignored/01-test');
    const signature = signRevenueCat(Buffer.from(body), hmacSecret, new Date());
    const old = signRevenueCat(Buffer.from(body), hmacSecret, new Date(Date.now() - 301_000));
    const header = 'x-revenuecat-webhook-signature';
    const signed = await makeSource({ hmacSecret });
    assert.equal((await send(signed, body, { [header]: signature })).status, 200);
    assert.equal((await send(signed, body, { [header]: old })).status, 401);
    assert.equal((await send(signed, `${body} `, { [header]: signature })).status, 401);
    assert.equal((await send(signed, body)).status, 401);
    const both = await makeSource({ authorization, hmacSecret });
    assert.equal((await send(both, body, { [header]: signature })).status, 401);
    assert.equal((await send(both, body, { [header]: signature, authorization })).status, 200);
    const [event] = await eventsOf(both);
    assert.match(event.headers[header] as string, /^t=\d+$/, 'of the signature only the time is kept');
    assert.ok(!JSON.stringify(event.headers).includes('s3cret'));
  });

  it('to an unknown source is 404, too large 413, compressed 415', async () => {
    const source = await makeSource();
    assert.equal((await send('src_none', '{}')).status, 404);
    assert.equal((await send('%00', '{}')).status, 404);
    assert.equal((await send(source, 'x'.repeat(1024 * 1024 + 1))).status, 413);
    assert.equal((await send(source, 'x', { authorization, 'content-encoding': 'br' })).status, 415);
    assert.equal((await eventsOf(source)).length, 0);
  });
});

describe('what the stores STRIPE and RC_BILLING billed', () => {
  const headers = async (sourceId: string) => (await untilSettled(sourceId)).map((event) => event.headers as object);

  it('counts where the program has no Stripe source', async () => {
    const program = await makeProgram();
    const source = await makeSource({ authorization }, {}, program.programId);
    await send(source, fixture('billed-by-stripe/01-initial-purchase', program.affiliateId));
    assert.ok(!('stripe-reports' in ((await headers(source))[0] ?? {})));
    assert.deepEqual(await conversionsOf(program.programId), [['sale', 1900, 380, true]]);
  });

  it('is left to Stripe where it has one, but binds the customer; and is read the same again later', async () => {
    const program = await makeProgram();
    const settings = {};
    const secrets = { signingSecrets: ['whsec_x'] };
    await createSource(hub.db, hub.deps.secrets, program.programId, { kind: 'stripe', settings, secrets });
    const source = await makeSource({ authorization }, {}, program.programId);
    await send(source, fixture('billed-by-stripe/01-initial-purchase', program.affiliateId));
    await send(source, fixture('billed-by-stripe/03-payment-named', program.affiliateId));
    const [first, second] = await untilSettled(source);
    assert.equal(first.headers['stripe-reports'], 'true');
    assert.deepEqual(await conversionsOf(program.programId), [['sale', 1900, 380, true]]);
    const stored = (await findSource(hub.db, source)) as RevenuecatSource;
    for (const event of [first, second]) {
      const message = { raw: event.raw as Buffer, headers: event.headers as Record<string, string> };
      const again = normalizeStoredRevenueCat({ ...message, receivedAt: event.received_at as Date }, stored);
      assert.deepEqual(again.kind === 'facts' && again.facts, event.facts);
    }
  });

  it('counts where only a test source of Stripe could report it: a test key takes no live money away', async () => {
    const program = await makeProgram();
    const source = await makeSource({ authorization }, {}, program.programId);
    await createSource(hub.db, hub.deps.secrets, program.programId, {
      kind: 'stripe',
      livemode: false,
      settings: {},
      secrets: { signingSecrets: ['whsec_of_a_test_key'] },
    });
    await send(source, fixture('billed-by-stripe/01-initial-purchase', program.affiliateId));
    await untilSettled(source);
    assert.deepEqual(await conversionsOf(program.programId), [['sale', 1900, 380, true]]);
  });

  it('counts, or does not, as the source says', async () => {
    const program = await makeProgram();
    const counted = await makeSource({ authorization }, { stripeStores: 'count' }, program.programId);
    const ignored = await makeSource({ authorization }, { stripeStores: 'ignore' }, program.programId);
    await send(ignored, fixture('billed-by-stripe/01-initial-purchase', program.affiliateId));
    await untilSettled(ignored);
    assert.deepEqual(await conversionsOf(program.programId), []);
    await send(counted, fixture('billed-by-stripe/01-initial-purchase', program.affiliateId));
    await untilSettled(counted);
    assert.deepEqual(await conversionsOf(program.programId), [['sale', 1900, 380, true]]);
  });
});
