import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { make, makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
before(async () => {
  api = await openApiProgram();
});
after(() => api.stop());

interface Affiliate {
  id: string;
  referralCode: string;
  trackingUrl: string;
}

const makePerson = (more: object, client = api.live) => makeAffiliate(client, more) as Promise<Affiliate>;

/** Where a link leads, and whose click that makes. */
async function follow(trackingUrl: string) {
  const answer = await fetch(trackingUrl, { redirect: 'manual' });
  await answer.arrayBuffer();
  const location = answer.headers.get('location');
  const { origin, searchParams } = new URL(location ?? 'https://nowhere.example');
  return { status: answer.status, origin, ref: searchParams.get('ref'), clickId: searchParams.get('click_id') ?? '' };
}

test('an affiliate has a link of their own, which leads to the default offer of the day, in any case', async () => {
  const bea = await makePerson({ referralCode: 'Bea' });
  assert.equal(bea.trackingUrl, `${api.hub.url}/r/Bea`);
  assert.equal((await follow(bea.trackingUrl)).status, 404);
  const first = await makeOffer(api.live, { url: 'https://first.example/' });
  for (const code of ['Bea', 'bea', 'BEA']) {
    const visit = await follow(`${api.hub.url}/r/${code}`);
    assert.deepEqual([visit.status, visit.origin, visit.ref], [302, 'https://first.example', bea.id], code);
  }
  const { clickId } = await follow(bea.trackingUrl);
  const click = (await api.live.get(`/clicks/${clickId}`)).body.data;
  assert.deepEqual([click.affiliateId, click.offerId, click.linkId], [bea.id, first.id, null]);
  const second = await makeOffer(api.live, { url: 'https://second.example/' });
  await api.admin.patch(`/programs/${api.programId}`, { defaultOfferId: second.id });
  assert.equal((await follow(bea.trackingUrl)).origin, 'https://second.example');
  assert.equal((await api.live.get(`/affiliates/${bea.id}`)).body.data.trackingUrl, bea.trackingUrl);
  assert.equal((await api.live.get('/affiliates')).body.data[0].trackingUrl, bea.trackingUrl);
  assert.deepEqual((await api.live.get('/tracking-links')).body.data, []);
});

test('a code that another program has first becomes a link of another code, and nobody’s link moves', async () => {
  await makeOffer(api.stranger, { url: 'https://stranger.example/' });
  const ours = await makePerson({ referralCode: 'zoe' });
  const theirs = await makePerson({ referralCode: 'ZOE' }, api.stranger);
  assert.equal(ours.trackingUrl, `${api.hub.url}/r/zoe`);
  assert.match(theirs.trackingUrl, /\/r\/[2-9a-z]{9}$/);
  assert.equal((await follow(ours.trackingUrl)).ref, ours.id);
  assert.deepEqual(await follow(theirs.trackingUrl).then(({ origin, ref }) => [origin, ref]), [
    'https://stranger.example',
    theirs.id,
  ]);
});

test('with another referral code the link that is out in the world goes on, and stays theirs', async () => {
  const carl = await makePerson({ referralCode: 'carl' });
  const renamed = (await api.live.patch(`/affiliates/${carl.id}`, { referralCode: 'charles' })).body.data as Affiliate;
  assert.equal(renamed.trackingUrl, `${api.hub.url}/r/charles`);
  for (const url of [carl.trackingUrl, renamed.trackingUrl]) assert.equal((await follow(url)).ref, carl.id);
  const heir = await makePerson({ referralCode: 'carl' });
  assert.notEqual(heir.trackingUrl, carl.trackingUrl);
  assert.equal((await follow(carl.trackingUrl)).ref, carl.id);
  const back = (await api.live.patch(`/affiliates/${carl.id}`, { referralCode: 'Karl' })).body.data as Affiliate;
  assert.equal(back.trackingUrl, `${api.hub.url}/r/Karl`);
});

test('signs in a code are written as a URL has them', async () => {
  const person = await makePerson({ referralCode: '50%/März' });
  assert.equal(person.trackingUrl, `${api.hub.url}/r/50%25%2FM%C3%A4rz`);
  assert.equal((await follow(person.trackingUrl)).ref, person.id);
  const dots = await makePerson({ referralCode: '..' });
  assert.equal((await follow(dots.trackingUrl)).ref, dots.id);
});

test('a tracking link may be named, and may do without an offer where there is a default one', async () => {
  const dora = await makePerson({ referralCode: 'dora' });
  const named = { affiliateId: 'dora', code: 'Summer-Sale' };
  const { body } = await api.live.post('/tracking-links', named);
  const { id, trackingUrl, offerId } = body.data;
  const program = (await api.admin.get(`/programs/${api.programId}`)).body.data;
  assert.deepEqual([trackingUrl, offerId], [`${api.hub.url}/r/Summer-Sale`, program.defaultOfferId]);
  assert.equal((await follow(trackingUrl)).ref, dora.id);
  for (const client of [api.live, api.stranger]) {
    const person = await makePerson({ email: 'e@example.com' }, client);
    const taken = await client.post('/tracking-links', { ...named, affiliateId: person.id });
    assert.deepEqual([taken.status, taken.body.error.details], [409, { code: 'is taken' }]);
  }
  for (const code of ['', 'a b', 'a/b', '..', 'x'.repeat(65)]) {
    assert.equal((await api.live.post('/tracking-links', { ...named, code })).status, 400, code);
  }
  const renamed = (await api.live.patch(`/tracking-links/${id}`, { code: 'winter' })).body.data;
  assert.equal(renamed.trackingUrl, `${api.hub.url}/r/winter`);
  assert.equal((await follow(renamed.trackingUrl)).ref, dora.id);
  assert.equal((await follow(trackingUrl)).status, 404);
  const bare = await make<{ id: string }>(api.admin, '/programs', { name: 'Bare' });
  const key = await make<{ key: string }>(api.admin, `/programs/${bare.id}/api-keys`, {
    name: 'k',
    mode: 'live',
    access: 'write',
  });
  const response = await fetch(`${api.hub.url}/api/v1/affiliates`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ displayName: 'x', email: 'x@example.com', referralCode: 'bare' }),
  });
  await response.arrayBuffer();
  const link = await fetch(`${api.hub.url}/api/v1/tracking-links`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ affiliateId: 'bare' }),
  });
  const { error } = (await link.json()) as { error: { details: object } };
  assert.deepEqual([link.status, error.details], [400, { offerId: 'is required: the program has no default offer' }]);
});

test('an affiliate’s own code is nobody else’s link, in any case; the affiliate may have a link of it', async () => {
  const offer = await makeOffer(api.live, { url: 'https://special.example/' });
  const fay = await makePerson({ referralCode: 'fay' });
  const gus = await makePerson({ referralCode: 'gus' });
  for (const [client, affiliateId] of [
    [api.live, gus.id],
    [api.stranger, (await makePerson({}, api.stranger)).id],
  ] as const) {
    const taken = await client.post('/tracking-links', { affiliateId, code: 'FAY' });
    assert.deepEqual([taken.status, taken.body.error.message], [409, "The link code 'FAY' is taken"]);
  }
  const link = await makeLink(api.live, { affiliateId: fay.id, offerId: offer.id, code: 'fay' });
  assert.equal((await follow(fay.trackingUrl)).origin, 'https://special.example');
  const moved = await api.live.patch(`/tracking-links/${link.id}`, { affiliateId: gus.id });
  assert.equal(moved.status, 409);
  await makeLink(api.live, { affiliateId: gus.id, offerId: offer.id, code: 'hal' });
  const hal = await makePerson({ referralCode: 'Hal' });
  assert.notEqual(hal.trackingUrl, `${api.hub.url}/r/Hal`);
  assert.equal((await follow(`${api.hub.url}/r/hal`)).ref, gus.id);
});

test('a test affiliate has a link of a made code: test clicks, and test offers where there is no other', async () => {
  const program = await openApiProgram();
  try {
    const tess = await makePerson({ referralCode: 'tess' }, program.test);
    assert.match(tess.trackingUrl, /\/r\/[2-9a-z]{9}$/);
    const renamed = await program.test.patch(`/affiliates/${tess.id}`, { referralCode: 'tess' });
    assert.equal(renamed.body.data.trackingUrl, tess.trackingUrl);
    assert.equal((await follow(tess.trackingUrl)).status, 404);
    const oldest = await makeOffer(program.test, { url: 'https://oldest.example/' });
    await makeOffer(program.test, { url: 'https://newer.example/' });
    const visit = await follow(tess.trackingUrl);
    assert.deepEqual([visit.origin, visit.ref], ['https://oldest.example', tess.id]);
    const click = (await program.test.get(`/clicks/${visit.clickId}`)).body.data;
    assert.deepEqual([click.livemode, click.affiliateId, click.offerId], [false, tess.id, oldest.id]);
    assert.equal((await program.live.get(`/clicks/${visit.clickId}`)).status, 404);
    const link = await program.test.post('/tracking-links', { affiliateId: tess.id });
    assert.equal(link.body.data.offerId, oldest.id);
    const live = await makePerson({ referralCode: 'Tess' }, program.live);
    assert.equal(live.trackingUrl, `${program.hub.url}/r/Tess`);
    assert.equal((await follow(live.trackingUrl)).status, 404);
    const refused = await program.live.post('/tracking-links', { affiliateId: live.id });
    assert.deepEqual(refused.body.error.details, { offerId: 'is required: the program has no default offer' });
    const usual = await makeOffer(program.live, { url: 'https://usual.example/' });
    for (const person of [tess, live]) {
      const { origin, clickId, ref } = await follow(person.trackingUrl);
      const client = person === live ? program.live : program.test;
      const { offerId, livemode } = (await client.get(`/clicks/${clickId}`)).body.data;
      assert.deepEqual(
        [origin, ref, offerId, livemode],
        ['https://usual.example', person.id, usual.id, person === live],
      );
    }
  } finally {
    await program.stop();
  }
});

test('no test link leads a live affiliate’s visitors away, in any case, whatever was made first', async () => {
  const offer = await makeOffer(api.live, { url: 'https://ours.example/' });
  const ina = await makePerson({ referralCode: 'ina' });
  for (const code of ['ina', 'INA']) {
    const stolen = { affiliateId: ina.id, offerId: offer.id, code, customUrl: 'https://elsewhere.example/' };
    assert.equal((await api.test.post('/tracking-links', stolen)).status, 409, code);
  }
  const test_ = await makeLink(api.test, { affiliateId: ina.id, offerId: offer.id, code: 'not-ina' });
  assert.equal((await api.test.patch(`/tracking-links/${test_.id}`, { code: 'ina' })).status, 409);
  // A test affiliate may have one, which stays test when the affiliate is taken over.
  const joe = await makePerson({ referralCode: 'joe' }, api.test);
  await makeLink(api.test, {
    affiliateId: joe.id,
    offerId: offer.id,
    code: 'joe',
    customUrl: 'https://elsewhere.example/',
  });
  const byCode = `${api.hub.url}/r/joe`;
  assert.equal((await follow(byCode)).origin, 'https://elsewhere.example');
  const takenOver = await api.live.patch(`/affiliates/${joe.id}`, { livemode: true });
  assert.deepEqual([takenOver.status, takenOver.body.data.trackingUrl], [200, byCode]);
  assert.equal((await follow(joe.trackingUrl)).ref, joe.id, 'the link that was made for the test goes on');
  const visit = await follow(byCode);
  assert.notEqual(visit.origin, 'https://elsewhere.example');
  assert.equal((await api.live.get(`/clicks/${visit.clickId}`)).body.data.livemode, true);
});

test('of many who want a code at once one gets it, and each a link', async () => {
  const clients = [api.live, api.stranger];
  const people = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      makePerson({ referralCode: `rush-${index >> 1}` }, clients[index % 2] ?? api.live),
    ),
  );
  const urls = new Set(people.map(({ trackingUrl }) => trackingUrl));
  assert.equal(urls.size, 20);
  assert.equal([...urls].filter((url) => url.includes('/r/rush-')).length, 10);
  for (const { id, trackingUrl } of people) assert.equal((await follow(trackingUrl)).ref, id);
});

test('no link takes the visitors of another by a sign that is left out of pasted links', async () => {
  const affiliateId = (await makeAffiliate(api.live)).id;
  const offerId = (await makeOffer(api.live)).id;
  for (const code of ['ann.', '_ann', 'ann_', 'ann..']) {
    const answer = await api.live.post('/tracking-links', { affiliateId, offerId, code });
    assert.equal(answer.status, 400, code);
    assert.deepEqual(Object.keys(answer.body.error.details as object), ['code']);
  }
  assert.equal((await api.live.post('/tracking-links', { affiliateId, offerId, code: 'a_n.n-~x' })).status, 201);
});

test('a link’s code is no other link’s in any case, also of two at once; a code that is given up is free', async () => {
  const offer = await makeOffer(api.live);
  const kim = await makePerson({ referralCode: 'kim' });
  const theirs = await makePerson({ email: 'l@example.com' }, api.stranger);
  const theirOffer = await makeOffer(api.stranger);
  const link = await makeLink(api.live, { affiliateId: kim.id, offerId: offer.id, code: 'Spring' });
  for (const [client, named] of [
    [api.live, { affiliateId: kim.id, offerId: offer.id }],
    [api.stranger, { affiliateId: theirs.id, offerId: theirOffer.id }],
  ] as const) {
    for (const code of ['spring', 'SPRING', 'Spring']) {
      const taken = await client.post('/tracking-links', { ...named, code });
      assert.deepEqual([taken.status, taken.body.error.details], [409, { code: 'is taken' }], code);
    }
    const other = await makeLink(client, named);
    assert.equal((await client.patch(`/tracking-links/${other.id}`, { code: 'sprinG' })).status, 409);
  }
  const respelt = await api.live.patch(`/tracking-links/${link.id}`, { code: 'SPRING' });
  assert.equal(respelt.body.data.trackingUrl, `${api.hub.url}/r/SPRING`);
  assert.equal((await api.live.patch(`/tracking-links/${link.id}`, { code: 'autumn' })).status, 200);
  const freed = ['spring', 'SPRING', 'Spring', 'sPRING'].map((code) =>
    api.stranger.post('/tracking-links', { affiliateId: theirs.id, offerId: theirOffer.id, code }),
  );
  const answers = await Promise.all(freed);
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [201, 409, 409, 409],
  );
});

test('links of before whose codes differ by case alone lead as they did; in a third case they lead nowhere', async () => {
  const offer = await makeOffer(api.live);
  const [one, two] = [await makePerson({ referralCode: 'mia' }), await makePerson({ referralCode: 'max' })];
  const links: { id: string }[] = [];
  for (const [affiliateId, code] of [
    [one.id, 'old-a'],
    [two.id, 'old-b'],
  ] as const) {
    links.push(await makeLink(api.live, { affiliateId, offerId: offer.id, code }));
  }
  const [first, second] = links;
  // As an import and the hub of before wrote them.
  await api.hub.db.transaction(async (trx) => {
    await trx.raw(`select set_config('tributary.keeps_case_of_links', 'on', true)`);
    await trx.raw(`update tracking_links set code = 'Hoar' where id = ?`, [first?.id ?? '']);
    await trx.raw(`update tracking_links set code = 'hoar' where id = ?`, [second?.id ?? '']);
  });
  assert.equal((await follow(`${api.hub.url}/r/Hoar`)).ref, one.id);
  assert.equal((await follow(`${api.hub.url}/r/hoar`)).ref, two.id);
  assert.equal((await follow(`${api.hub.url}/r/HOAR`)).status, 404);
  assert.equal((await api.live.post('/tracking-links', { affiliateId: one.id, code: 'HOAR' })).status, 409);
  const paused = await api.live.patch(`/tracking-links/${second?.id}`, { status: 'paused', affiliateId: one.id });
  assert.equal(paused.status, 200);
  // One is left: it is meant in any case.
  await api.live.patch(`/tracking-links/${second?.id}`, { code: 'gone' });
  assert.equal((await follow(`${api.hub.url}/r/HOAR`)).ref, one.id);
});
