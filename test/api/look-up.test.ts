import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { SearchHit } from '../../src/audit/search.ts';
import type { TimelineEntry } from '../../src/audit/timeline.ts';
import type { Trace } from '../../src/audit/trace/trace.ts';
import { cliEnvironment, runCli } from '../cli/run-cli.ts';
import { waitUntil } from '../support/wait-until.ts';
import type { ApiClient } from './api-client.ts';
import { make, makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

/** One order with all that belongs to it, and every name by which it is found. */

let api: ApiProgram;
let names: Record<string, string>;
let conversionId: string;

before(async () => {
  api = await openApiProgram({ worker: true });
  const { live, test: inTest } = api;
  const affiliate = await makeAffiliate(live, {
    displayName: 'Zoë Ångström',
    email: 'Zoe@partners.example',
    referralCode: 'zoe-1',
    couponCodes: ['ZOE20'],
  });
  await makeAffiliate(inTest, { displayName: 'Zoltan of the tests', email: 'zoltan@partners.example' });
  const offer = await makeOffer(live, { name: 'Pro plan', code: 'pro-1' });
  const link = await makeLink(live, { affiliateId: affiliate.id, offerId: offer.id, code: 'zoe-spring' });
  const endpoint = await make<{ id: string }>(live, '/webhook-endpoints', {
    url: 'https://hooks.example.com/in',
    eventTypes: ['conversion.created'],
    disabled: true,
  });
  const source = await make<{ id: string; ref: string }>(live, '/sources', {
    kind: 'postback',
    name: 'Nightly shop',
    requireKey: true,
  });
  const click = await make<{ id: string }>(live, '/clicks', {
    affiliateId: affiliate.id,
    offerId: offer.id,
    sub1: 'spring sale, "east"',
    sub3: 'network-77',
  });
  const answer = await live.post('/conversions', {
    order_id: 'L-1001',
    click_id: click.id,
    user_id: 'user-9',
    customer_email: 'Buyer@Shop.example',
    subscription_id: 'plan-5',
    amount: '120.00',
    tax: '20.00',
    currency: 'USD',
  });
  assert.equal(answer.status, 201, answer.text);
  conversionId = answer.body.data.conversionId as string;
  const commissionId = `com_${conversionId.slice(4)}`;
  assert.equal(
    (await live.patch(`/commissions/${commissionId}`, { status: 'approved', reason: 'checked' })).status,
    200,
  );
  const payout = await make<{ id: string }>(live, '/payouts', { affiliateId: affiliate.id, currency: 'USD' });
  const { body } = await live.get('/messages?type=conversion.created');
  const inbox = (await live.get(`/inbox-events?conversionId=${conversionId}`)).body.data as {
    id: string;
    kind: string;
  }[];
  const customer = (await live.get('/customers/user-9')).body.data as { id: string };
  names = {
    affiliate: affiliate.id,
    offer: offer.id,
    link: link.id,
    endpoint: endpoint.id,
    source: source.id,
    click: click.id,
    commission: commissionId,
    payout: payout.id,
    message: body.data[0].id as string,
    inbox_event: inbox.find(({ kind }) => kind === 'conversion')?.id ?? '',
    customer: customer.id,
  };
});
after(() => api.stop());

async function find(client: ApiClient, q: string): Promise<SearchHit[]> {
  const { status, body, text } = await client.get(`/search?q=${encodeURIComponent(q)}`);
  assert.equal(status, 200, text);
  return body.data as SearchHit[];
}

async function ask(client: ApiClient, q: string): Promise<Trace> {
  const { status, body, text } = await client.get(`/trace?q=${encodeURIComponent(q)}`);
  assert.equal(status, 200, text);
  return body.data as Trace;
}

describe('GET /search', () => {
  test('finds each thing by its id, first', async () => {
    for (const [kind, id] of Object.entries(names)) {
      const [first] = await find(api.reader, id);
      const expected = kind === 'commission' ? ['conversion', conversionId] : [kind, id];
      // A reader is shown the ref of a source in the place of its id.
      assert.deepEqual([first?.kind, kind === 'source' ? id : first?.id], expected, id);
      assert.equal(first?.mode, 'live');
    }
  });

  test('finds an order by every name of it', async () => {
    for (const name of [conversionId, 'L-1001', 'order:L-1001', 'plan-5', 'user-9', 'BUYER@shop.example']) {
      const hits = await find(api.reader, name);
      assert.ok(
        hits.some(({ kind, id }) => kind === 'conversion' && id === conversionId),
        name,
      );
    }
    assert.ok((await find(api.reader, 'buyer@shop.example')).some(({ kind }) => kind === 'customer'));
    assert.deepEqual(
      (await find(api.reader, 'spring sale, "east"')).map(({ kind, id }) => [kind, id]),
      [['click', names.click]],
    );
  });

  test('finds configuration by codes, by e-mail and by how its name begins', async () => {
    const found: [string, string, string][] = [
      ['zoe-1', 'affiliate', 'Zoë Ångström'],
      ['zoe20', 'affiliate', 'Zoë Ångström'],
      ['zoe@PARTNERS.example', 'affiliate', 'Zoë Ångström'],
      ['ZOË', 'affiliate', 'Zoë Ångström'],
      ['ZOE-SPRING', 'link', 'zoe-spring'],
      ['pro-1', 'offer', 'Pro plan'],
      ['pro p', 'offer', 'Pro plan'],
      ['night', 'source', 'Nightly shop'],
    ];
    for (const [q, kind, title] of found) {
      const hits = await find(api.live, q);
      assert.ok(
        hits.some((hit) => hit.kind === kind && hit.title === title),
        `${q}: ${JSON.stringify(hits)}`,
      );
    }
    assert.deepEqual(await find(api.live, 'pro%'), []);
    assert.deepEqual(await find(api.live, 'n_ght'), []);
  });

  test('shows rows of its mode, configuration within reach, and nothing of other programs', async () => {
    assert.deepEqual(await find(api.test, 'L-1001'), []);
    assert.deepEqual(
      (await find(api.test, 'zol')).map(({ mode }) => mode),
      ['test'],
    );
    assert.deepEqual(await find(api.reader, 'zol'), []);
    for (const q of [...Object.values(names), 'L-1001', 'zoe-1', 'Zoë', 'buyer@shop.example']) {
      assert.deepEqual(await find(api.stranger, q), [], q);
    }
  });

  test('asks for something to look for', async () => {
    for (const path of ['/search', '/search?q=', '/search?q=%20', '/trace', '/trace?q=']) {
      assert.equal((await api.reader.get(path)).status, 400, path);
    }
  });
});

describe('GET /trace', () => {
  test('tells the same of an order by every name of it', async () => {
    const sub = 'spring sale, "east"';
    const all = [
      conversionId,
      'L-1001',
      'plan-5',
      'user-9',
      'buyer@shop.example',
      'zoe-1',
      'zoe20',
      'zoe-spring',
      sub,
      'network-77',
    ];
    for (const name of [...all, names.commission, names.click, names.message, names.inbox_event, names.affiliate]) {
      const { verdict, orders } = await ask(api.reader, name ?? '');
      assert.deepEqual([verdict.cause, orders.map((order) => order.conversionId)], ['in_payout', [conversionId]], name);
    }
  });

  test('holds what arrived, how it was understood, the evidence, terms, postings, messages and the payout', async () => {
    const trace = await ask(api.reader, 'L-1001');
    assert.deepEqual(
      trace.checklist.map(({ state }) => state),
      [...Array<string>(7).fill('ok'), 'not_reached'],
    );
    const message = trace.messages.find(({ kind }) => kind === 'conversion');
    assert.equal(message?.id, names.inbox_event);
    assert.deepEqual(
      message?.understood.find(({ name }) => name === 'order_id'),
      { field: 'orderId', name: 'order_id', value: 'L-1001' },
    );
    const [order] = trace.orders;
    assert.match(order?.evidence.chosen?.sentence ?? '', /Zoë Ångström \(aff_\w+\): the click clk_/);
    assert.equal(order?.amounts, '120.00 USD gross, 100.00 USD net');
    assert.match(order?.terms ?? '', /^CPS: 10 % of net of the first payment; clicks count for 30 days$/);
    assert.deepEqual(
      order?.postings.map(({ amountMinor, payoutId }) => [amountMinor, payoutId]),
      [[1_000, names.payout]],
    );
    assert.deepEqual(order?.payout, { id: names.payout, status: 'pending' });
    const created = trace.deliveries.find(({ type }) => type === 'conversion.created');
    assert.deepEqual(
      [created?.id, created?.deliveries.map(({ endpointId, status }) => [endpointId, status])],
      [names.message, [[names.endpoint, 'held']]],
    );
    assert.ok(
      trace.deliveries.some(({ type, deliveries }) => type === 'commission.approved' && deliveries.length === 0),
    );
  });

  test('is `tributary why`', async () => {
    const environment = cliEnvironment(api.hub);
    const told = await runCli(['why', 'L-1001', '--program', api.programId], environment);
    assert.equal(told.code, 0, told.stderr);
    assert.match(
      told.stdout,
      /^L-1001: in_payout\n {2}Zoë Ångström .* earns 10\.00 USD: 10 % of 120\.00 USD gross, 100\.00 USD net/,
    );
    assert.match(
      told.stdout,
      /\n {2}\+ attributed Zoë .*\n[^]*orderId from order_id: L-1001\n[^]*conversion\.created evt_\w+: whe_\w+ held after 0/,
    );
    const json = await runCli(['why', 'L-1001', '--program', api.programId, '--test', '--json'], environment);
    assert.equal((JSON.parse(json.stdout) as Trace).verdict.cause, 'other_mode');
  });
});

describe('GET /conversions/:id/timeline', () => {
  test('has everything once, in the order in which it happened, page by page', async () => {
    const timeline = async (query: string) => await api.reader.get(`/conversions/${conversionId}/timeline${query}`);
    await waitUntil('the commission is told of', async () => {
      const { data } = (await timeline('?limit=100')).body as { data: TimelineEntry[] };
      return data.some(({ title }) => title === 'commission.approved');
    });
    const { data, pagination } = (await timeline('?limit=100')).body as {
      data: TimelineEntry[];
      pagination: { hasMore: boolean };
    };
    assert.equal(pagination.hasMore, false);
    assert.deepEqual(
      data.map(({ at }) => at),
      data.map(({ at }) => at).sort(),
    );
    assert.equal(new Set(data.map(({ id }) => id)).size, data.length);
    const kinds = Object.groupBy(data, ({ kind }) => kind);
    assert.deepEqual(kinds.message?.map(({ objectId }) => objectId).includes(names.inbox_event ?? ''), true);
    assert.match(kinds.fact?.[0]?.title ?? '', /^sale of 120\.00 .*order:L-1001$/);
    assert.match(kinds.decision?.[0]?.title ?? '', /^approved by the key 'key' \(key_\w+\): checked$/);
    assert.deepEqual(
      kinds.posting?.map(({ title }) => title.startsWith('+10.00 USD earning')),
      [true],
    );
    assert.ok(kinds.webhook?.some(({ title, state }) => title === 'conversion.created' && state === 'held'));
    assert.deepEqual(
      kinds.payout?.map(({ objectId, state }) => [objectId, state]),
      [[names.payout, 'pending']],
    );

    const paged: string[] = [];
    for (let cursor = ''; ;) {
      const page = (await timeline(`?limit=3${cursor}`)).body as {
        data: TimelineEntry[];
        pagination: { hasMore: boolean; nextCursor: string | null };
      };
      paged.push(...page.data.map(({ id }) => id));
      if (!page.pagination.hasMore) break;
      cursor = `&cursor=${page.pagination.nextCursor}`;
    }
    assert.deepEqual(
      paged,
      data.map(({ id }) => id),
    );
    assert.equal((await api.stranger.get(`/conversions/${conversionId}/timeline`)).status, 404);
    assert.equal((await api.test.get(`/conversions/${conversionId}/timeline`)).status, 404);
  });
});

describe('GET /customers', () => {
  test('lists who was told of with an e-mail, or by an id, as GET one does', async () => {
    const [one] = [(await api.reader.get('/customers/user-9')).body.data];
    for (const query of ['email=BUYER@shop.example', 'reference=user-9', 'reference=id:user-9']) {
      const { body } = await api.reader.get(`/customers?${query}`);
      assert.deepEqual(body, { data: [one], pagination: { hasMore: false, nextCursor: null } }, query);
    }
    assert.equal(one.conversions[0].id, conversionId);
    for (const client of [api.stranger, api.test]) {
      assert.deepEqual((await client.get('/customers?email=buyer@shop.example')).body.data, []);
    }
    for (const query of ['', '?email=buyer@shop.example&reference=user-9', '?email=nobody']) {
      assert.equal((await api.reader.get(`/customers${query}`)).status, 400, query);
    }
  });

  test('lists a guest by their e-mail, and all who share one, page by page', async () => {
    const buy = (id: string, more: object) =>
      api.live.post('/conversions', { order_id: id, amount: 1, currency: 'USD', affiliate_id: 'zoe-1', ...more });
    await buy('G-1', { customer_email: 'shared@shop.example' });
    const guest = (await api.reader.get('/customers?email=shared@shop.example')).body.data;
    assert.deepEqual(
      guest.map(({ references }: { references: string[] }) => references),
      [['email:shared@shop.example']],
    );
    await buy('G-2', { customer_email: 'shared@shop.example', user_id: 'one' });
    await buy('G-3', { customer_email: 'shared@shop.example', user_id: 'two' });
    const first = (await api.reader.get('/customers?email=shared@shop.example&limit=1')).body;
    assert.deepEqual([first.data[0].references, first.pagination.hasMore], [['id:two'], true]);
    const next = `/customers?email=shared@shop.example&limit=1&cursor=${first.pagination.nextCursor}`;
    const second = (await api.reader.get(next)).body;
    assert.deepEqual([second.data[0].references, second.pagination.hasMore], [['id:one'], false]);
  });
});
