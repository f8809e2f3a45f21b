import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { everythingOf } from '../../../src/domain/scope.ts';
import { signStripeBody } from '../../../src/inbound/stripe/sign.ts';
import { createProgram } from '../../../src/program/programs.ts';
import { createSource, deleteSource, type Source } from '../../../src/program/sources.ts';
import { startHub, type TestHub } from '../../support/hub.ts';
import { readFixture, type StripeJson } from './fixtures.ts';

const secret = 'whsec_of_the_endpoint';
const older = 'whsec_that_is_rolled';
const payment = readFixture('endive', 'one-off-checkout/03-payment_intent.succeeded').text;
const thin = readFixture('endive', 'thin-event/01-v1.billing.meter.error_report_triggered').text;

let hub: TestHub;
let programId: string;
let source: Source;

before(async () => {
  hub = await startHub({ worker: false });
  programId = (await createProgram(hub.db, { name: 'Program of the Stripe tests' })).id;
  source = await makeSource(true);
});
after(() => hub.stop());

describe('POST /in/stripe/:id', () => {
  it('what Stripe signed is committed before it is acknowledged, bytes and facts', async () => {
    const answer = await post(payment);
    assert.deepEqual([answer.status, answer.body], [200, { received: true }]);
    const row = await newestRow();
    assert.equal(row.raw.toString('utf8'), payment);
    assert.deepEqual([row.program_id, row.source_id, row.kind], [programId, source.id, 'stripe']);
    assert.deepEqual([row.status, row.livemode, row.facts[0]?.type], ['received', true, 'sale']);
  });

  it('of the headers the type, the agent and the time of the signature are kept, never the signature', async () => {
    await post(payment, { headers: { 'user-agent': 'Stripe/1.0', 'x-other': 'y' } });
    const { headers } = await newestRow();
    assert.deepEqual(Object.keys(headers).sort(), ['content-type', 'stripe-signature', 'user-agent']);
    assert.equal(headers['user-agent'], 'Stripe/1.0');
    assert.match(headers['stripe-signature'] ?? '', /^t=\d+$/);
  });

  it('each of the signing secrets is good while one is rolled', async () => {
    assert.equal((await post(payment, { by: older })).status, 200);
  });

  it('thin events and types that carry nothing are stored as ignored', async () => {
    assert.deepEqual((await post(thin)).body, { received: true });
    const row = await newestRow();
    assert.deepEqual([row.status, row.outcome, row.livemode], ['ignored', 'ignored', true]);
    assert.match(row.reason ?? '', /Thin events/);
  });

  it('what is signed and no JSON, no event or not readable is stored as unprocessable', async () => {
    for (const body of ['hello', '\ufeff{', '[]', '{"type":"invoice.paid"}', payment.replace('"usd"', '"xxx9"')]) {
      assert.deepEqual((await post(body)).body, { received: true }, body);
      const row = await newestRow();
      assert.deepEqual([row.status, row.outcome, row.facts], ['unprocessable', 'unprocessable', []], body);
      assert.ok(row.error, body);
    }
  });

  it('a byte order mark before the event does no harm', async () => {
    assert.equal((await post(`\ufeff${payment}`)).status, 200);
    assert.equal((await newestRow()).status, 'received');
  });

  it('a source of test mode makes test rows of live events', async () => {
    const testSource = await makeSource(false);
    assert.equal((await post(payment, { to: testSource.id })).status, 200);
    assert.equal((await newestRow()).livemode, false);
  });
});

describe('what is not authentic is answered 400 in words, and nothing of it is stored', () => {
  const cases: [string, Parameters<typeof post>, RegExp][] = [
    ['another secret', [payment, { by: 'whsec_wrong' }], /Copy the signing secret/],
    ['a changed body', [payment, { signedText: `${payment} ` }], /Copy the signing secret/],
    ['an old signature', [payment, { signedAt: new Date(Date.now() - 301_000) }], /older than 300 seconds/],
    ['no signature', [payment, { headers: { 'stripe-signature': '' } }], /missing/],
    ['no signature at all', [payment, { headers: { 'stripe-signature': null } }], /missing/],
    ['a broken header', [payment, { headers: { 'stripe-signature': 'v1=1' } }], /not of the form/],
    ['an empty body', ['', {}], /empty/],
  ];
  for (const [what, [body, options], message] of cases) {
    it(what, async () => {
      const rows = await countRows();
      const answer = await post(body, options);
      assert.equal(answer.status, 400);
      assert.equal(answer.body.error.code, 'VALIDATION_ERROR');
      assert.match(answer.body.error.message, message);
      assert.match(answer.body.error.requestId, /^req_/);
      assert.equal(await countRows(), rows);
    });
  }
});

describe('requests that fit no source', () => {
  it('an unknown, malformed or deleted source, and one of another kind, is 404', async () => {
    const deleted = await makeSource(true);
    await deleteSource(hub.db, everythingOf(programId), deleted.id);
    const postback = await createSource(hub.db, hub.deps.secrets, programId, {
      kind: 'postback',
      settings: postbackSettings,
      secrets: null,
    });
    for (const to of ['src_0', 'a%00b', "x'y", deleted.id, postback.id]) {
      const answer = await post(payment, { to });
      assert.deepEqual([answer.status, answer.body.error.code], [404, 'NOT_FOUND'], to);
    }
  });

  it('a body above 1 MiB is 413, a compressed one 415', async () => {
    assert.equal((await post(' '.repeat(1024 * 1024 + 1))).status, 413);
    const compressed = await fetch(urlOf(source.id), {
      method: 'POST',
      headers: { 'content-encoding': 'gzip', 'stripe-signature': signStripeBody(payment, secret) },
      body: gzipSync(payment),
    });
    assert.equal(compressed.status, 415);
  });
});

const postbackSettings = {
  purpose: 'primary' as const,
  preset: null,
  fields: {},
  statuses: {},
  response: 'ok' as const,
  requireKey: false,
  allowedCidrs: null,
  eventType: null,
};

interface PostOptions {
  to?: string;
  by?: string;
  signedAt?: Date;
  signedText?: string;
  /** null leaves the header out. */
  headers?: Record<string, string | null>;
}

async function post(body: string, options: PostOptions = {}) {
  const headers: Record<string, string | null> = {
    'content-type': 'application/json; charset=utf-8',
    'stripe-signature': signStripeBody(options.signedText ?? body, options.by ?? secret, options.signedAt),
    ...options.headers,
  };
  const sent = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null);
  const response = await fetch(urlOf(options.to ?? source.id), { method: 'POST', headers: sent, body });
  return { status: response.status, headers: response.headers, body: (await response.json()) as StripeJson };
}

function urlOf(sourceId: string): string {
  return `${hub.url}/in/stripe/${sourceId}`;
}

function makeSource(livemode: boolean): Promise<Source> {
  return createSource(hub.db, hub.deps.secrets, programId, {
    kind: 'stripe',
    livemode,
    settings: {},
    secrets: { signingSecrets: [secret, older] },
  });
}

interface InboxRow {
  program_id: string;
  source_id: string;
  kind: string;
  livemode: boolean;
  raw: Buffer;
  headers: Record<string, string>;
  facts: { type: string }[];
  status: string;
  outcome: string | null;
  reason: string | null;
  error: string | null;
}

async function newestRow(): Promise<InboxRow> {
  const row: InboxRow | undefined = await hub.db<InboxRow>('inbox_events').orderBy('id', 'desc').first();
  assert.ok(row);
  return row;
}

async function countRows(): Promise<bigint> {
  const [row] = await hub.db('inbox_events').count<{ count: bigint }[]>('* as count');
  return row?.count ?? 0n;
}
