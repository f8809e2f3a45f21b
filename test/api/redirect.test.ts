import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { buildDestination } from '../../src/api/destination.ts';
import { readTags } from '../../src/api/link-tags.ts';
import { makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let affiliateId: string;
let offerId: string;

before(async () => {
  api = await openApiProgram();
  affiliateId = (await makeAffiliate(api.live)).id;
  offerId = (await makeOffer(api.live, { url: 'https://shop.example/p?a=%20b&utm_source=shop#top' })).id;
});
after(() => api.stop());

const clickOf = (location: string | null): URLSearchParams => new URL(location ?? '').searchParams;

test('a visit is recorded before the redirect, which carries the click, the affiliate and the tags', async () => {
  const { code, id: linkId } = await makeLink(api.live, { affiliateId, offerId });
  const answer = await api.anonymous.get(`//r/${code}?sub1=my%20click&sub5=z&utm_source=mail&utm_campaign=x&other=1`, {
    headers: { 'user-agent': 'Browser/1', referer: 'https://blog.example/post' },
  });
  assert.equal(answer.status, 302);
  const location = answer.headers.get('location') ?? '';
  const clickId = clickOf(location).get('click_id') ?? '';
  assert.match(clickId, /^clk_[0-9a-f]{32}$/);
  // The destination's own query and fragment stand as they were written.
  assert.equal(
    location,
    `https://shop.example/p?a=%20b&utm_source=shop&click_id=${clickId}&ref=${affiliateId}&aff_sess=${clickId}` +
      '&sub1=my%20click&sub5=z&utm_campaign=x&other=1#top',
  );
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const { data } = (await api.live.get(`/clicks/${clickId}`)).body;
  assert.deepEqual([data.affiliateId, data.offerId, data.linkId, data.livemode], [affiliateId, offerId, linkId, true]);
  assert.deepEqual([data.sub1, data.sub2, data.sub5], ['my click', null, 'z']);
  assert.deepEqual(data.utm, { utm_source: 'mail', utm_campaign: 'x' });
  assert.deepEqual([data.ip, data.userAgent, data.sourceUrl], ['127.0.0.1', 'Browser/1', 'https://blog.example/post']);
  assert.equal((await api.live.get(`/tracking-links/${linkId}`)).body.data.clicks, 1);
});

test('bytes that are not UTF-8 leave as they came, here, in the click and in what it fires, and stay apart', async () => {
  const { code } = await makeLink(api.live, { affiliateId, offerId });
  const subs = [];
  for (const sub1 of ['caf%E9', 'caf%E8', 'caf%C3%A9', '%EF%BF%BDE9', '%FF%00'.slice(0, 3), '100%25']) {
    const answer = await api.anonymous.get(`//r/${code}?sub1=${sub1}&gclid=x%E9&utm_term=%E4`);
    const location = answer.headers.get('location') ?? '';
    for (const pair of [`sub1=${sub1}`, 'gclid=x%E9', 'utm_term=%E4']) {
      assert.ok(location.split(/[?&#]/).includes(pair), `${pair} in ${location}`);
    }
    const clickId = clickOf(location).get('click_id') ?? '';
    subs.push((await api.live.get(`/clicks/${clickId}`)).body.data.sub1);
  }
  assert.deepEqual(subs.slice(0, 3), ['caf\ufffdE9', 'caf\ufffdE8', 'café']);
  assert.equal(new Set(subs).size, 6);
});

test('many visits at once are each recorded', async () => {
  const { code, id } = await makeLink(api.live, { affiliateId, offerId });
  const answers = await Promise.all(Array.from({ length: 60 }, () => api.anonymous.get(`//r/${code}`)));
  const clicks = new Set(answers.map(({ headers }) => clickOf(headers.get('location')).get('click_id')));
  assert.equal(clicks.size, 60);
  assert.equal((await api.live.get(`/tracking-links/${id}`)).body.data.clicks, 60);
});

test('visitors get through whatever the state of the offer, and the click is recorded', async () => {
  const archived = (await makeOffer(api.live, { status: 'archived' })).id;
  const { code } = await makeLink(api.live, { affiliateId, offerId: archived });
  const answer = await api.anonymous.get(`//r/${code}`);
  assert.equal(answer.status, 302);
  const clickId = clickOf(answer.headers.get('location')).get('click_id') ?? '';
  assert.equal((await api.live.get(`/clicks/${clickId}`)).status, 200);
});

test('a paused link and those of a banned affiliate lead on at once, and nothing is recorded', async () => {
  const { id: bannedId, referralCode } = await makeAffiliate(api.live, { email: 'b@example.com' });
  const theirs = await makeLink(api.live, { affiliateId: bannedId, offerId });
  const paused = await makeLink(api.live, { affiliateId, offerId });
  const visit = (code: string) => api.anonymous.get(`//r/${code}?sub1=a`);
  const codes = [theirs.code, referralCode, paused.code];
  for (const code of codes) assert.ok(clickOf((await visit(code)).headers.get('location')).has('click_id'), code);
  await api.live.patch(`/affiliates/${bannedId}`, { status: 'banned' });
  await api.live.patch(`/tracking-links/${paused.id}`, { status: 'paused' });
  for (const code of codes) {
    const answer = await visit(code);
    assert.equal(answer.status, 302);
    const { pathname, searchParams } = new URL(answer.headers.get('location') ?? '');
    assert.deepEqual([pathname, searchParams.get('sub1'), searchParams.get('click_id')].slice(1), ['a', null], code);
    assert.ok(!searchParams.has('ref') && !searchParams.has('aff_sess'));
  }
  for (const { id } of [theirs, paused]) {
    assert.equal((await api.live.get(`/tracking-links/${id}`)).body.data.clicks, 1);
  }
  assert.equal((await api.live.get(`/clicks?affiliateId=${bannedId}`)).body.data.length, 2);
  const told = await api.live.post('/clicks', { code: paused.code });
  assert.deepEqual([told.status, told.body.error.details], [400, { code: 'is the code of a paused tracking link' }]);
  await api.live.patch(`/affiliates/${bannedId}`, { status: 'active' });
  await api.live.patch(`/tracking-links/${paused.id}`, { status: 'active' });
  for (const code of codes) assert.ok(clickOf((await visit(code)).headers.get('location')).has('click_id'), code);
});

test('a preview by HEAD is no visit', async () => {
  const { code, id } = await makeLink(api.live, { affiliateId, offerId });
  const answer = await api.anonymous.call('HEAD', `//r/${code}`);
  assert.equal(answer.status, 302);
  assert.ok(!clickOf(answer.headers.get('location')).has('click_id'));
  assert.equal((await api.live.get(`/tracking-links/${id}`)).body.data.clicks, 0);
});

test('what is no link is 404, and a NUL in a tag 400', async () => {
  for (const code of ['unknown', '%zz', 'a%00', 'x'.repeat(300)]) {
    const page = await api.anonymous.get(`//r/${code}`);
    assert.equal(page.status, 404, code);
    if (code !== '%zz') assert.match(page.text, /<h1>This link leads nowhere<\/h1>/);
    const answer = await api.anonymous.get(`//r/${code}`, { headers: { accept: 'application/json' } });
    assert.deepEqual([answer.status, answer.body.error.code], [404, 'NOT_FOUND'], code);
  }
  const { code } = await makeLink(api.live, { affiliateId, offerId });
  assert.equal((await api.anonymous.get(`//r/${code}?sub1=%00`)).status, 400);
});

test('tags that are pasted wrongly hold up no visitor: the first of each counts, long ones are cut', async () => {
  const { code } = await makeLink(api.live, { affiliateId, offerId });
  const answer = await api.anonymous.get(
    `//r/${code}?sub1=a&sub1=b&sub2=${'x'.repeat(1400)}&sub3=${'%F0%9F%98%80'.repeat(600)}&ref=aff_typed&aff_sess=x`,
  );
  assert.equal(answer.status, 302);
  const tags = clickOf(answer.headers.get('location'));
  assert.deepEqual(tags.getAll('sub1'), ['a']);
  assert.deepEqual([tags.get('sub2')?.length, tags.get('sub2')?.at(-1)], [1024, '…']);
  assert.deepEqual(tags.getAll('ref'), [affiliateId]);
  assert.deepEqual(tags.getAll('aff_sess'), [tags.get('click_id')]);
  assert.equal((await api.live.get(`/clicks/${tags.get('click_id')}`)).body.data.sub2.length, 1024);
  assert.ok(tags.get('sub3')?.isWellFormed());
});

test('browsers on other sites may follow links, and call nothing else', async () => {
  const { code } = await makeLink(api.live, { affiliateId, offerId });
  const headers = { origin: 'https://elsewhere.example' };
  const link = await api.anonymous.get(`//r/${code}`, { headers });
  assert.equal(link.headers.get('access-control-allow-origin'), '*');
  assert.equal(link.headers.get('access-control-allow-credentials'), null);
  const preflight = await api.anonymous.call('OPTIONS', `//r/${code}`, {
    headers: { ...headers, 'access-control-request-method': 'GET' },
  });
  assert.equal(preflight.status, 204);
  for (const [method, path] of [
    ['GET', '/affiliates'],
    ['OPTIONS', '/affiliates'],
    ['OPTIONS', '/conversions'],
    ['GET', '//openapi.json'],
  ] as const) {
    const answer = await fetch(api.hub.url + (path.startsWith('//') ? path.slice(1) : `/api/v1${path}`), {
      method,
      headers: { ...headers, 'access-control-request-method': 'POST', 'x-api-key': api.liveKey },
    });
    await answer.arrayBuffer();
    assert.equal(answer.headers.get('access-control-allow-origin'), null, `${method} ${path}`);
  }
});

test('ours replace parameters of their names, fragments stay last, and other alphabets become ASCII', () => {
  const click = { clickId: 'clk_1', affiliateId: 'aff_1' };
  const build = (destinationUrl: string, tags: string) =>
    buildDestination({ destinationUrl, referralCode: 'bea', offerId: 'ofr_1' }, click, readTags(tags));
  assert.equal(
    build('https://x.example/?click_id={old}&ref=a&keep=1', ''),
    'https://x.example/?keep=1&click_id=clk_1&ref=aff_1&aff_sess=clk_1',
  );
  assert.equal(
    build('https://x.example/#a?b#c', 'sub1=%C3%A4%26='),
    'https://x.example/?click_id=clk_1&ref=aff_1&aff_sess=clk_1&sub1=%C3%A4%26=#a?b#c',
  );
  assert.equal(
    build('https://x.example/päge?q=ü?&', ''),
    'https://x.example/p%C3%A4ge?q=%C3%BC?&click_id=clk_1&ref=aff_1&aff_sess=clk_1',
  );
});
