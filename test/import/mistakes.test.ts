import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { ApiClient } from '../api/api-client.ts';
import { makeAffiliate, makeKey, makeLink, makeOffer } from '../api/api-program.ts';
import { cliEnvironment, runCli } from '../cli/run-cli.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openImportProgram, tally, type ImportProgram, type Report } from './import-program.ts';

let hub: TestHub;
let program: ImportProgram;
before(async () => {
  hub = await startHub();
  program = await openImportProgram(hub);
});
after(() => hub.stop());

const good = 'name,email,referral_code\nGood,good@example.com,GOOD\n';

/** `file:row field` of each problem. */
function places({ problems }: Report): string[] {
  return problems.map(({ file, row, field }) => `${basename(file)}:${row} ${field ?? '-'}`);
}

test('every mistake is named by file, row and field, and nothing is imported', async () => {
  const report = await program.import('csv', {
    'good.csv': good,
    'bad.csv': 'name,email,status,website\nBad,no-address,gone,ftp://x\n\n,b@example.com,,\n',
    'columns.csv': 'name,email,nick,name\nA,a@example.com,x,y\n',
    'unknown.csv': 'colour,shape\nred,round\n',
    'long.csv': 'name,email\nA,a@example.com,more\n',
    'quote.csv': 'name,email\n"A,a@example.com\n',
    'links.csv': 'link_code,affiliate,offer\nx,nobody,\ny,GOOD,NONE\n',
    'clicks.csv': 'click_id,affiliate,link,clicked_at\nc1,,,2026-01-01\nc2,GOOD,,yesterday\nc3,,zz,2026-01-01\n',
    'customers.csv': 'customer_id,affiliate,click_id\nu1,,\nu2,,lost\nu3,nobody,\n',
    'orders.csv':
      'order_id,affiliate,amount,currency\no1,GOOD,"1,200",USD\no2,GOOD,10.5,JPY\no3,GOOD,1,EURO\n,GOOD,1,\n',
    'offers.csv': 'offer_name,commission_type,commission_amount\nNo URL,cpa,3\nNo amount,cpa,\n',
  });
  assert.equal(report.code, 1);
  assert.deepEqual(places(report).sort(), [
    'bad.csv:2 email',
    'bad.csv:2 status',
    'bad.csv:2 website',
    'bad.csv:4 name',
    'clicks.csv:2 affiliate',
    'clicks.csv:3 clicked_at',
    'clicks.csv:4 link',
    'columns.csv:1 name',
    'columns.csv:1 nick',
    'customers.csv:2 affiliate',
    'customers.csv:3 click_id',
    'customers.csv:4 affiliate',
    'links.csv:2 affiliate',
    'links.csv:3 offer',
    'long.csv:2 -',
    'offers.csv:2 url',
    'offers.csv:3 commission_amount',
    'orders.csv:2 amount',
    'orders.csv:3 amount',
    'orders.csv:4 currency',
    'orders.csv:5 order_id',
    'quote.csv:2 -',
    'unknown.csv:1 -',
  ]);
  assert.equal((await program.api.get('/affiliates/GOOD')).status, 404);
});

test('a word that stands for no value is refused as an order or click, and is nobody as a customer', async () => {
  const affiliate = { 'affiliates.csv': 'name,email,referral_code\nPlace,place@example.com,PLACE\n' };
  const refused = await program.import('csv', {
    ...affiliate,
    'orders.csv': 'order_id,affiliate\n0,PLACE\nfine,PLACE\nNULL,PLACE\n',
    'clicks.csv': 'click_id,affiliate,clicked_at\nundefined,PLACE,2026-01-01\n',
    'customers.csv': 'customer_id,affiliate\nguest,PLACE\n',
  });
  assert.deepEqual(places(refused), [
    'clicks.csv:2 click_id',
    'customers.csv:2 customer_id',
    'orders.csv:2 order_id',
    'orders.csv:4 order_id',
  ]);
  assert.match(refused.problems[2]?.message ?? '', /^'0' stands for no value/);
  const systems: [string, object, string][] = [
    ['attro', { id: 'c1', affiliateId: null, externalId: 'null', amount: 1 }, 'externalId'],
    ['affilut', { stripeChargeId: 'manual:0', amountCents: 1 }, 'stripeChargeId'],
    ['affitor', { transaction_id: 'undefined' }, 'transaction_id'],
    ['refgrow', { orderId: 'N/A', conversionAmount: 1 }, 'orderId'],
  ];
  for (const [from, item, field] of systems) {
    const { problems } = await program.import(from, { 'orders.json': [item] });
    assert.deepEqual(
      problems.map((each) => [each.row, each.field]),
      [[1, field]],
      from,
    );
  }
  const taken = await program.import('csv', {
    ...affiliate,
    'orders.csv':
      'order_id,affiliate,customer_id,subscription_id,click_id\np-1,PLACE,0,none,0\np-2,PLACE,guest,,null\n',
    'customers.csv': 'customer_id,customer_email,affiliate\nN/A,someone@example.com,PLACE\n',
  });
  assert.deepEqual(tally(taken), { affiliate: [1, 0], customer: [1, 0], order: [2, 0] });
  const { body } = await program.api.get('/conversions?limit=100');
  const orders = (body.data as { orderId: string; customerId: string | null }[]).filter(({ orderId }) =>
    orderId.startsWith('p-'),
  );
  assert.deepEqual(
    orders.map(({ customerId }) => customerId),
    [null, null],
  );
});

test('affiliates of one e-mail are told of: who is added beside another, and who is meant by the e-mail alone', async () => {
  const [first, second] = await Promise.all(
    ['TWIN-A', 'TWIN-B'].map(async (referralCode) => {
      const person = { displayName: 'Twin', email: 'twin@example.com', referralCode };
      return (await program.api.post('/affiliates', person)).body.data.id as string;
    }),
  );
  const [earlier, later] = [first ?? '', second ?? ''].toSorted();
  const byEmail = await program.import('csv', { 'a.csv': 'name,email\nTwin,Twin@example.com\n' });
  assert.deepEqual(tally(byEmail), { affiliate: [0, 1] });
  assert.deepEqual(
    byEmail.notes.map(({ row, field, message }) => [row, field, message]),
    [[2, 'email', `is that of several affiliates: taken for ${earlier}, and not for ${later}`]],
  );
  const known = await program.import('csv', { 'a.csv': 'name,email,referral_code\nTwin,twin@example.com,TWIN-B\n' });
  assert.deepEqual([tally(known), known.notes], [{ affiliate: [0, 1] }, []]);
  const added = await program.import(
    'csv',
    { 'a.csv': 'name,email,referral_code\nTwin,twin@example.com,TWIN-C\nNew,new-one@example.com,\n' },
    '--dry-run',
  );
  assert.deepEqual(
    added.notes.map(({ row, message }) => [row, message]),
    [[2, `is that of another affiliate, too (${earlier}, ${later})`]],
  );
});

test('who is imported has a link of their own; links that are out in the world come first', async () => {
  const stranger = await openImportProgram(hub);
  const files = {
    'affiliates.csv': 'name,email,referral_code\nIda,ida@example.com,IDA\nJo,jo@example.com,JO\n',
    'links.csv': 'link_code,affiliate,url\njo,IDA,https://elsewhere.example/\n',
  };
  assert.deepEqual(tally(await stranger.import('csv', files)), { affiliate: [2, 0], link: [1, 0] });
  const own = async (code: string) => (await stranger.api.get(`/affiliates/${code}`)).body.data;
  const [ida, jo] = [await own('IDA'), await own('JO')];
  assert.match(ida.trackingUrl, /\/r\/IDA$/);
  assert.match(jo.trackingUrl, /\/r\/[2-9a-z]{9}$/);
  const whose = async (code: string) => {
    const answer = await fetch(`${hub.url}/r/${code}`, { redirect: 'manual' });
    await answer.arrayBuffer();
    return new URL(answer.headers.get('location') ?? '').searchParams.get('ref');
  };
  assert.equal(await whose('ida'), ida.id);
  assert.equal(await whose(jo.trackingUrl.replace(/.*\/r\//, '')), jo.id);
  assert.equal(await whose('jo'), ida.id);
  const taken = await program.import('csv', { 'links.csv': 'link_code,affiliate\nIda,PLACE\n' });
  assert.deepEqual(places(taken), ['links.csv:2 link_code']);
  assert.match(taken.problems[0]?.message ?? '', /own code of another affiliate/);
});

test('rows of JSON are counted through pages; what is no list says so', async () => {
  const page = (email: string) => ({ data: [{ id: `aff_${email}`, displayName: 'A', email }], pagination: {} });
  const report = await program.import('attro', {
    'pages.json': [page('a@example.com'), page('b'), { data: [{ colour: 'red' }] }],
    'broken.json': '{"data": [',
    'error.json': { error: { code: 'INVALID_API_KEY', message: 'Invalid API key' } },
    'lines.jsonl': `${JSON.stringify(page('c@example.com'))}\n\n{"displayName": 7\n`,
    'text.json': ['aff_1'],
  });
  assert.deepEqual(places(report).sort(), [
    'broken.json:1 -',
    'error.json:1 -',
    'lines.jsonl:3 -',
    'pages.json:2 email',
    'pages.json:3 -',
    'text.json:1 -',
  ]);
});

test('codes belong to one affiliate, in the files and in the program; links to one program of the hub', async () => {
  const stranger = await openImportProgram(hub);
  const links = { 'links.csv': 'link_code,affiliate\ntheirs,partner-one\n' };
  assert.deepEqual(tally(await stranger.import('csv', links)), { link: [1, 0] });
  const report = await program.import('csv', {
    'affiliates.csv': [
      'name,email,referral_code,coupon_codes',
      'One,one@example.com,SAME,TEN',
      'Two,two@example.com,same,ten',
      'Three,three@example.com,partner-one,',
    ].join('\n'),
    ...links,
  });
  assert.deepEqual(places(report).sort(), [
    'affiliates.csv:3 coupon_codes',
    'affiliates.csv:3 referral_code',
    'affiliates.csv:4 referral_code',
    'links.csv:2 link_code',
  ]);
});

test('an id that another program of the hub has gets another, under which everything meets again', async () => {
  const stranger = await openImportProgram(hub);
  const files = {
    'affiliates.json': [{ id: 'aff_shared', displayName: 'Shared', email: 'shared@example.com' }],
    'links.json': [{ id: 'link_shared', affiliateId: 'aff_shared', offerId: null, code: 'code-one' }],
  };
  await stranger.import('attro', files);
  const mine = { ...files, 'links.json': [{ ...files['links.json'][0], code: 'code-two' }] };
  for (const counted of [
    [1, 0],
    [0, 1],
  ]) {
    assert.deepEqual(tally(await program.import('attro', mine)), { affiliate: counted, link: counted });
  }
  const { body } = await program.api.get('/tracking-links?limit=100');
  const link = (body.data as { code: string; affiliateId: string }[]).find(({ code }) => code === 'code-two');
  assert.match(link?.affiliateId ?? '', /^aff_[0-9a-f]{32}$/);
  assert.equal((await program.api.get(`/affiliates/${link?.affiliateId}`)).body.data.email, 'shared@example.com');
  assert.equal((await stranger.api.get('/affiliates/aff_shared')).status, 200);
});

test('of two imports of one id at once into two programs one is refused in words, and gets another id when it is run again', async () => {
  const [one, other] = [await openImportProgram(hub), await openImportProgram(hub)];
  const files = { 'affiliates.json': [{ id: 'aff_at_once', displayName: 'At once', email: 'once@example.com' }] };
  // Both have read that the id is free: the lock of the first holds the other up until it is known who was first.
  const holder = await hub.db.transaction();
  await runSql(holder, `insert into imported_ids values ('affiliate', 'aff_at_once', ?)`, [one.id]);
  const second = other.import('attro', files);
  await waitUntil('the second import waits', async () => {
    const waiting = await runSql(
      hub.db,
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
         and query like '%reserveImportedIds%'`,
    );
    return waiting.length > 0;
  });
  await holder.commit();
  await assert.rejects(second, /Nothing was imported: an id or code was taken meanwhile.*\(affiliate aff_at_once\)/);
  assert.deepEqual(tally(await one.import('attro', files)), { affiliate: [1, 0] });
  assert.deepEqual(tally(await other.import('attro', files)), { affiliate: [1, 0] });
  assert.equal((await one.api.get('/affiliates/aff_at_once')).status, 200);
  assert.equal((await other.api.get('/affiliates/aff_at_once')).status, 404);
  const { body } = await other.api.get('/affiliates?limit=100');
  const own = (body.data as { id: string; email: string }[]).find(({ email }) => email === 'once@example.com');
  assert.match(own?.id ?? '', /^aff_[0-9a-f]{32}$/);
});

test('what a test key made is in the way of nothing but a link code', async () => {
  const admin = new ApiClient(hub.url, hub.adminToken);
  const fresh = await openImportProgram(hub);
  const tester = new ApiClient(hub.url, await makeKey(admin, fresh.id, 'test', 'write'));
  const made = await makeAffiliate(tester, { email: 'trial@example.com', referralCode: 'TRIAL', couponCodes: ['TRY'] });
  const offer = await makeOffer(tester, { code: 'TRIAL' });
  const link = await makeLink(tester, { affiliateId: made.id, offerId: offer.id });
  const files = {
    'affiliates.csv': `id,name,email,referral_code,coupon_codes\n${made.id},Trial,trial@example.com,TRIAL,TRY\n`,
    'offers.csv':
      'id,offer_name,url,code,commission_type,commission_percent\n' +
      `${offer.id},Trial,https://shop.example/,TRIAL,cps,10\n`,
  };
  const report = await fresh.import('csv', { ...files, 'links.csv': `link_code,affiliate\n${link.code},TRIAL\n` });
  assert.deepEqual(places(report), ['links.csv:2 link_code'], JSON.stringify(report.problems));
  assert.deepEqual(tally(await fresh.import('csv', files)), { affiliate: [1, 0], offer: [1, 0] });
  const { id, livemode } = (await fresh.api.get('/affiliates/TRIAL')).body.data;
  assert.deepEqual([livemode, id === made.id], [true, false]);
  assert.equal((await tester.get(`/affiliates/${made.id}`)).body.data.livemode, false);
});

test('what the hub knows stays as it is: an affiliate made by hand, an order that earned', async () => {
  await program.api.post('/affiliates', { displayName: 'Hand', email: 'hand@example.com', referralCode: 'HAND' });
  const sold = await program.api.post('/conversions', { affiliate_id: 'HAND', order_id: 'both', amount: 10 });
  assert.equal(sold.body.data.commission.amountMinor, 200);
  const report = await program.import('csv', {
    'affiliates.csv': 'id,name,email,referral_code\nold-1,Renamed,HAND@example.com,hand\n',
    'orders.csv': 'order_id,affiliate\nboth,old-1\n',
  });
  assert.deepEqual(tally(report), { affiliate: [0, 1], order: [0, 1] });
  assert.equal((await program.api.get('/affiliates/HAND')).body.data.displayName, 'Hand');
  assert.deepEqual(await program.postings(), [200]);
});

test('people read a table, or the mistakes and what to do; a file that is not there and a wrong program say so', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'import-'));
  try {
    await writeFile(join(folder, 'good.csv'), good);
    await writeFile(join(folder, 'bad.csv'), 'name,email\nBad,no-address\n');
    const run = (programId: string, ...args: string[]) =>
      runCli(['import', '--from', 'csv', '--program', programId, ...args], cliEnvironment(hub));
    const table = await run(program.id, '--dry-run', join(folder, 'good.csv'));
    assert.match(table.stdout, /^ +To add +There already +Repeated\n.*\noffers +0 +0 +0\naffiliates +1 +0 +0\n/);
    assert.match(table.stdout, /\nNothing was written\.\n$/);
    const done = await run(program.id, join(folder, 'good.csv'));
    assert.deepEqual([done.code, done.stderr], [0, '… 1 of 1\n']);
    const bad = await run(program.id, join(folder, 'bad.csv'));
    assert.deepEqual([bad.code, bad.stdout], [1, '']);
    assert.match(
      bad.stderr,
      /bad\.csv:2 email must be an e-mail address\nNothing was imported\. Mend this and run it again\.\n$/,
    );
    for (const [args, words] of [
      [[program.id, join(folder, 'none.csv')], /^\S*none\.csv cannot be read: there is no such file$/m],
      [['prg_none', join(folder, 'good.csv')], /There is no program prg_none/],
      [[program.id], /missing required argument 'files'/],
    ] as const) {
      const [programId, ...paths] = args;
      const result = await run(programId, ...paths);
      assert.equal(result.code, 1);
      assert.match(result.stderr, words);
      assert.doesNotMatch(result.stderr, /^ +at /m);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('imported links keep the case of their codes; a destination that leads elsewhere is a mistake', async () => {
  const moving = await openImportProgram(hub);
  const files = {
    'affiliates.csv': 'name,email,referral_code\nKit,kit@example.com,KIT\nLou,lou@example.com,LOU\n',
    'links.csv': [
      'link_code,affiliate,url',
      'aBcD,KIT,https://shop.example/?cid={click_id}',
      'AbCd,LOU,https://shop.example/',
    ].join('\n'),
  };
  assert.deepEqual(tally(await moving.import('csv', files)), { affiliate: [2, 0], link: [2, 0] });
  const follow = async (code: string) => {
    const answer = await fetch(`${hub.url}/r/${code}`, { redirect: 'manual' });
    await answer.arrayBuffer();
    return {
      status: answer.status,
      query: new URL(answer.headers.get('location') ?? 'https://nowhere.example').searchParams,
    };
  };
  const [kit, lou] = [await follow('aBcD'), await follow('AbCd')];
  const idOf = async (code: string) => (await moving.api.get(`/affiliates/${code}`)).body.data.id as string;
  assert.deepEqual([kit.query.get('ref'), lou.query.get('ref')], [await idOf('KIT'), await idOf('LOU')]);
  assert.equal(kit.query.get('cid'), kit.query.get('click_id'));
  assert.equal((await follow('abcd')).status, 404);
  const mistaken = await moving.import('csv', {
    'links.csv': [
      'link_code,affiliate,url',
      'one,KIT,https:/shop.example/',
      'two,KIT,https://shop.example/?a={aff_sub}',
      'three,KIT,https://{sub1}.example/',
    ].join('\n'),
  });
  assert.deepEqual(places(mistaken), ['links.csv:2 url', 'links.csv:3 url', 'links.csv:4 url']);
});
