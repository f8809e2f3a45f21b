import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { waitUntil } from '../support/wait-until.ts';
import type { ApiClient } from './api-client.ts';
import { makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
let affiliateId: string;
let offerId: string;

before(async () => {
  api = await openApiProgram();
  affiliateId = (await makeAffiliate(api.live, { referralCode: 'bea' })).id;
  offerId = (await makeOffer(api.live, { url: 'https://shop.example/p' })).id;
});
after(() => api.stop());

/** The path as it stands, byte for byte, in Latin-1. */
function visit(path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number | undefined; location: string; query: URLSearchParams; text: string }>(
    (resolve, reject) => {
      const { hostname, port } = new URL(api.hub.url);
      const sent = request({ hostname, port, path, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => {
          const location = answer.headers.location ?? '';
          const query = new URL(location || 'https://nowhere.example').searchParams;
          resolve({ status: answer.statusCode, location, query, text });
        });
      });
      sent.on('error', reject).end();
    },
  );
}

test('a link leads on however it was pasted', async () => {
  const { code } = await makeLink(api.live, { affiliateId, offerId, code: 'Summer-24' });
  const around = [
    '.',
    '...',
    ',',
    ')',
    ']',
    '%3E',
    '%22',
    '%27',
    '%20',
    '%E2%80%8B',
    '%E2%80%9D',
    '/',
    ').',
    '%EF%BB%BF',
  ];
  for (const path of [
    `/r/${code}`,
    `/r/${code.toUpperCase()}`,
    `/r/${code.toLowerCase()}`,
    `//r/${code}`,
    `/r//${code}`,
    `/R/${code.toUpperCase()}`,
    `/r/(${code})`,
    `/r/%3C${code}%3E`,
    `/r/%20${code}`,
    `/r/%E2%80%8B${code}`,
    ...around.map((sign) => `/r/${code}${sign}`),
    ...around.map((sign) => `/r/bea${sign}`),
  ]) {
    const { status, query } = await visit(path);
    assert.deepEqual([status, query.get('ref')], [302, affiliateId], path);
    assert.match(query.get('click_id') ?? '', /^clk_/, path);
  }
});

test('tags are read however they were put behind a link', async () => {
  const { code } = await makeLink(api.live, { affiliateId, offerId });
  for (const tags of [
    '?sub1=a&sub2=b',
    '?sub1=a&amp;sub2=b',
    '?sub1=a&amp;amp;sub2=b',
    '?sub1=a&#38;sub2=b',
    '?sub1=a&#x26;sub2=b',
    '?sub1=a&amp%3Bsub2=b',
    '?amp;sub1=a&sub2=b',
    '?SUB1=a&Sub2=b',
    '&sub1=a&sub2=b',
    '&sub1=a?sub2=b',
    '?sub1=a?sub2=b',
    '%3Fsub1%3Da%26sub2%3Db',
    '.?sub1=a&sub2=b',
    '?&sub1=a&&sub2=b',
    '?%20sub1=a&%E2%80%8Bsub2=b',
    '?sub1=a&sub2=b?fbclid=x',
  ]) {
    const { status, query } = await visit(`/r/${code}${tags}`);
    assert.deepEqual([status, query.get('sub1'), query.get('sub2')], [302, 'a', 'b'], tags);
    const click = (await api.live.get(`/clicks/${query.get('click_id')}`)).body.data;
    assert.deepEqual([click.sub1, click.sub2], ['a', 'b'], tags);
  }
  const { query } = await visit(`/r/${code}?UTM_Source=mail&sub1=a?b&sub3=x%26sub4=y`);
  assert.deepEqual(
    ['utm_source', 'sub1', 'sub3', 'sub4'].map((name) => query.get(name)),
    ['mail', 'a?b', 'x&sub4=y', null],
  );
});

test('what came goes on byte by byte, and two ids that are not UTF-8 stay two', async () => {
  const { code } = await makeLink(api.live, { affiliateId, offerId });
  for (const [tags, sub1] of [
    ['sub1=caf%E9', 'caf\ufffdE9'],
    ['sub1=caf%E8', 'caf\ufffdE8'],
    ['sub1=caf%c3%a9+x%20y', 'café x y'],
    ['sub1=a%zz%', 'a%zz%'],
    ['gclid=Cj0-_%2F.~&fbclid=IwAR0+x&msclkid=1&ttclid=E.C.P&items[]=1&items[]=2&flag&empty=', null],
  ] as const) {
    const { location, query } = await visit(`/r/${code}?${tags}`);
    assert.ok(location.endsWith(`&${tags}`), location);
    assert.equal((await api.live.get(`/clicks/${query.get('click_id')}`)).body.data.sub1, sub1);
  }
});

test('sub1 to sub5 are kept up to 1024 characters; longer ones the API refuses, and a link cuts with a mark', async () => {
  const { code } = await makeLink(api.live, { affiliateId, offerId });
  const whole = 'x'.repeat(1024);
  assert.equal((await visit(`/r/${code}?sub1=${whole}`)).query.get('sub1'), whole);
  const { query } = await visit(`/r/${code}?sub5=${whole}y`);
  assert.equal(query.get('sub5'), `${whole.slice(1)}…`);
  assert.equal((await api.live.get(`/clicks/${query.get('click_id')}`)).body.data.sub5, `${whole.slice(1)}…`);
  // Neither half a character nor half of what stands for a byte is left at the end.
  for (const [end, kept] of [
    ['%F0%9F%98%80%F0%9F%98%80', ''],
    ['x%E9%E9%E9', 'x'],
  ] as const) {
    const cut = await visit(`/r/${code}?sub1=${'x'.repeat(1022)}${end}`);
    const click = (await api.live.get(`/clicks/${cut.query.get('click_id')}`)).body.data;
    assert.equal(click.sub1, `${'x'.repeat(1022)}${kept}…`, end);
  }
  assert.equal((await api.live.post('/clicks', { affiliateId, sub1: whole })).status, 201);
  assert.equal((await api.live.post('/clicks', { affiliateId, sub1: `${whole}y` })).status, 400);
});

test('macros of a destination are filled in, and are empty where nothing is recorded', async () => {
  const customUrl =
    'https://shop.example/{sub2}/p?cid={click_id}&a={affiliate_id}&r={referral_code}&o={offer_id}#/{sub1}';
  const link = await makeLink(api.live, { affiliateId, offerId, customUrl });
  const { location, query } = await visit(`/r/${link.code}?sub1=a%2Fb+c&sub2=caf%E9`);
  const clickId = query.get('click_id') ?? '';
  assert.equal(
    location,
    `https://shop.example/caf%E9/p?cid=${clickId}&a=${affiliateId}&r=bea&o=${offerId}` +
      `&click_id=${clickId}&ref=${affiliateId}&aff_sess=${clickId}&sub1=a%2Fb+c&sub2=caf%E9#/a%2Fb%20c`,
  );
  const climbing = await visit(`/r/${link.code}?sub2=../../admin`);
  assert.match(climbing.location, /^https:\/\/shop\.example\/\/p\?/);
  await api.live.patch(`/tracking-links/${link.id}`, { status: 'paused' });
  const paused = await visit(`/r/${link.code}?sub2=x`);
  assert.equal(paused.location, `https://shop.example/x/p?cid=&a=&r=&o=${offerId}&sub2=x#/`);
  for (const url of [
    'https:/shop.example/x',
    'https://shop.example/a\nb',
    'https://{sub1}/',
    'https://a.example/{x}',
  ]) {
    const refused = await api.live.post('/tracking-links', { affiliateId, offerId, customUrl: url });
    assert.deepEqual([refused.status, Object.keys(refused.body.error.details)], [400, ['customUrl']], url);
    assert.equal((await api.live.patch(`/offers/${offerId}`, { url })).status, 400, url);
  }
});

test('crawlers, previews and prefetches are led on, not counted, and shown apart', async () => {
  const link = await makeLink(api.live, { affiliateId, offerId });
  const crawlersIn = async (client: ApiClient, query = '') =>
    (await client.get(`/stats/crawlers${query}`)).body.data.crawlerVisits as number;
  const clicksIn = async (query = '') => (await api.live.get(`/stats${query}`)).body.data.clicks as number;
  const [crawlersBefore, clicksBefore] = [await crawlersIn(api.live), await clicksIn()];
  for (const [headers, ref] of [
    [{ 'user-agent': 'facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)' }, null],
    [{ 'user-agent': 'WhatsApp/2.23.20.0' }, null],
    [{ 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' }, null],
    // The page may be shown later: then the snippet makes a click of it.
    [{ 'sec-purpose': 'prefetch;prerender' }, affiliateId],
    [{ purpose: 'prefetch' }, affiliateId],
  ] as const) {
    const { status, query } = await visit(`/r/${link.code}?sub1=a&gclid=g`, headers);
    assert.equal(status, 302);
    assert.deepEqual(
      ['sub1', 'gclid', 'click_id', 'aff_sess', 'ref'].map((name) => query.get(name)),
      ['a', 'g', null, null, ref],
    );
  }
  for (const userAgent of ['curl/8.5.0', 'python-requests/2.32.3', 'Frobnicator/1.0', '']) {
    assert.ok((await visit(`/r/${link.code}`, { 'user-agent': userAgent })).query.has('click_id'), userAgent);
  }
  await waitUntil('the crawlers are counted', async () => {
    const { clicks, crawlerVisits } = (await api.live.get(`/tracking-links/${link.id}`)).body.data;
    return clicks === 4 && crawlerVisits === 5;
  });
  const day = new Date().toISOString().slice(0, 10);
  assert.equal(await crawlersIn(api.live, `?startDate=${day}&affiliateId=${affiliateId}`), crawlersBefore + 5);
  assert.equal(await clicksIn(`?startDate=${day}&affiliateId=${affiliateId}`), await clicksIn());
  assert.equal(await clicksIn(), clicksBefore + 4);
  assert.equal(await crawlersIn(api.live, '?endDate=2026-01-01'), 0);
  assert.equal(await crawlersIn(api.test), 0);
  const landing = await fetch(`${api.hub.url}/api/v1/clicks/visitor`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1)' },
    body: JSON.stringify({ ref: 'bea' }),
  });
  const { error } = (await landing.json()) as { error: { message: string } };
  assert.deepEqual([landing.status, error.message], [404, 'Crawlers make no clicks']);
});

test('a crawler by an affiliate’s own link is counted for the affiliate, in one row a quarter of an hour', async () => {
  const person = await makeAffiliate(api.live, { referralCode: 'seen', email: 'seen@example.com' });
  await Promise.all(Array.from({ length: 20 }, () => visit('/r/seen', { 'user-agent': 'Twitterbot/1.0' })));
  await waitUntil('they are counted', async () => {
    const { data } = (await api.live.get(`/stats/crawlers?affiliateId=${person.id}`)).body;
    return data.crawlerVisits === 20;
  });
  assert.equal((await api.live.get(`/stats?affiliateId=${person.id}`)).body.data.clicks, 0);
  const rows = await api.hub.db('crawler_visits').where({ affiliate_id: person.id });
  assert.ok(rows.length <= 2, 'at most two quarters of an hour');
});

test('whatever stands under /r/ and is no link is a plain page with 404', async () => {
  for (const path of [
    '/r/nobody',
    '/R/NOBODY',
    '/r/a/b',
    '/r/',
    '/r',
    '/r?sub1=a',
    '/r/..%2F',
    '/r/%zz',
    '/r/nobody&sub1=a',
    '//r//nobody)',
  ]) {
    const { status, text } = await visit(path, { accept: 'text/html' });
    assert.equal(status, 404, path);
    assert.match(text, /<h1>This link leads nowhere<\/h1>/, path);
  }
});
