import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFreshener, freshenMessage, freshenPairs } from '../../src/cli/freshen.ts';
import { fillFixture, freshenFixtures, readFixtures, type Fixture } from '../../src/cli/fixtures.ts';

const now = new Date('2027-03-01T12:00:00Z');
const json = (message: object): Fixture => ({ file: 'x.json', kind: 'json', text: JSON.stringify(message) });
const parse = ({ text }: Fixture) => JSON.parse(text) as Record<string, unknown>;

test('all fixtures can be read, made fresh and filled in', async () => {
  const fixtures = await readFixtures(['fixtures']);
  assert.ok(fixtures.length > 100);
  for (const fixture of freshenFixtures(fixtures, now)) {
    const filled = fillFixture(fixture, { affiliate: 'jane', clickId: 'clk_1' });
    assert.doesNotMatch(filled.text, /__[A-Z_]+__/);
    if (filled.kind === 'json') parse(filled);
  }
});

test('folders give their files by name, which is the order of the story', async () => {
  const fixtures = await readFixtures(['fixtures/postback/keitaro']);
  assert.deepEqual(
    fixtures.map(({ file }) => file.split('/').at(-1)),
    ['01-lead.query', '02-sale.query', '03-late-lead.query', '04-upsell.query'],
  );
});

test('fresh ids: equal ones stay equal, a cut one stays the beginning of the whole, prefixes and lengths stay', () => {
  const { freshenText } = createFreshener(null, now, Buffer.from(Array.from({ length: 64 }, (_, at) => at * 7 + 1)));
  const session = 'cs_live_a1kkKI4Vfn6hgYzdUitKJJpxiG6OjxsSvMUTE0jI8aPRmIs2j4196sGNZe';
  const fresh = freshenText(session);
  assert.notEqual(fresh, session);
  assert.match(fresh, /^cs_live_[a-z]\d[a-z]{2}/);
  assert.equal(fresh.length, session.length);
  assert.equal(freshenText(session), fresh);
  assert.ok(fresh.startsWith(freshenText(session.slice(0, 25))));
  assert.match(freshenText('2000000810000001'), /^\d{16}$/);
  assert.match(freshenText('$RCAnonymousID:0f6c1f6f'), /^\$RCAnonymousID:\w{8}$/);
});

test('two runs make different orders of the same fixture', () => {
  const fixture = json({ id: 'evt_1SNwZhTr1bFx7Hube3NXFULm', data: { object: { id: 'pi_3SbEfwTr1bFx7HubA0sRCvbO' } } });
  assert.notEqual(freshenFixtures([fixture], now)[0]?.text, freshenFixtures([fixture], now)[0]?.text);
});

test('fresh messages move ids and times, and nothing else: amounts, and what names objects of the hub, stay', () => {
  const freshener = createFreshener(Date.parse('2026-09-01T10:00:00Z'), new Date('2026-09-02T10:00:00Z'));
  const message = {
    id: 'evt_1SNwZhTr1bFx7Hube3NXFULm',
    created: 1788256800,
    amount_total: 1788256800,
    client_reference_id: 'clk_0192f0c4a7b07c3e8d5a6f1b2c3d4e5f',
    metadata: { affiliate_id: 'partner-one' },
    currency: 'usd',
    items: [{ period: { end: 1788256800 } }],
    event_timestamp_ms: 1788256800000,
    transaction_id: '__CLICK_ID__',
  };
  const fresh = freshenMessage(message, freshener) as typeof message;
  assert.match(fresh.id, /^evt_\w{24}$/);
  assert.notEqual(fresh.id, message.id);
  assert.deepEqual(
    { ...fresh, id: message.id },
    {
      ...message,
      created: 1788256800 + 86_400,
      items: [{ period: { end: 1788256800 + 86_400 } }],
      event_timestamp_ms: 1788256800000 + 86_400_000,
    },
  );
  const query = freshenPairs('subid=__CLICK_ID__&payout=40&currency=usd&tid=KT-1&txid=A_1', freshener);
  assert.match(query, /^subid=__CLICK_ID__&payout=40&currency=usd&tid=[A-Z]{2}-\d&txid=[A-Z]_\d$/);
});

test('the newest of several messages is of now, the others as much earlier as they were', () => {
  const [first, second] = freshenFixtures([json({ created: 1788256800 }), json({ created: 1788260400 })], now);
  assert.equal(parse(second as Fixture)['created'], now.getTime() / 1000);
  assert.equal(parse(first as Fixture)['created'], now.getTime() / 1000 - 3600);
});

test('who referred is filled in where the sender names them; without that the bytes stay as they are', () => {
  const stripe = json({
    data: { object: { client_reference_id: 'clk_old', metadata: { affiliate_id: 'partner-one' } } },
  });
  const filled = parse(fillFixture(stripe, { affiliate: 'jane', clickId: 'clk_new' }));
  assert.deepEqual(filled, {
    data: { object: { client_reference_id: 'clk_new', metadata: { affiliate_id: 'jane' } } },
  });
  assert.equal(fillFixture(stripe, {}).text, stripe.text);
});
