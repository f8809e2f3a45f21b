import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findProgramId, numberOf } from '../../../src/dialects/affitor/numbers.ts';
import { make, makeAffiliate, makeLink, makeOffer, openApiProgram, type ApiProgram } from '../../api/api-program.ts';
import { ApiClient } from '../../api/api-client.ts';
import { runSql } from '../../support/sql.ts';

describe('where a landing with ?aff=CODE leads', () => {
  let api: ApiProgram;
  let code: string;
  let other: { programId: string; linkCode: string; secondLinkCode: string };
  before(async () => {
    api = await openApiProgram();
    const affiliate = await makeAffiliate(api.live, { referralCode: 'jane' });
    code = affiliate.referralCode;
    const program = await make<{ id: string }>(api.admin, '/programs', { name: 'Other' });
    const { key } = await make<{ key: string }>(api.admin, `/programs/${program.id}/api-keys`, {
      name: 'key',
      mode: 'live',
      access: 'write',
    });
    const client = new ApiClient(api.hub.url, key);
    const { id: affiliateId } = await makeAffiliate(client, { referralCode: 'bob' });
    const offer = await makeOffer(client);
    const [first, second] = [1, 2].map(() => makeLink(client, { affiliateId, offerId: offer.id }));
    const linkCode = (await first)?.code ?? '';
    other = { programId: program.id, linkCode, secondLinkCode: (await second)?.code ?? '' };
  });
  after(() => api.stop());

  const click = async (aff: string, body: object = {}): Promise<{ status: number; programId: string | null }> => {
    const answer = await fetch(`${api.hub.url}/affitor/api/v1/track/click`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ affiliate_url: `https://shop.example/?aff=${encodeURIComponent(aff)}`, ...body }),
    });
    const { click_id } = (await answer.json()) as { click_id?: string };
    const [row] = click_id ? await api.hub.db('clicks').where({ id: click_id }) : [];
    return { status: answer.status, programId: (row as { program_id: string } | undefined)?.program_id ?? null };
  };

  test('a crawler that runs the script makes no click, and ids on the landing that are not UTF-8 stay two', async () => {
    const count = async () => (await api.hub.db('clicks').select('id')).length;
    const before = await count();
    assert.deepEqual(await click(code, { user_agent: 'Mozilla/5.0 (compatible; Googlebot/2.1)' }), {
      status: 200,
      programId: null,
    });
    assert.equal(await count(), before);
    for (const sub1 of ['caf%E9', 'caf%E8']) {
      await click(code, { affiliate_url: `https://shop.example/?aff=${code}&amp;SUB1=${sub1}` });
      const [row] = await api.hub.db('clicks').orderBy('id', 'desc').limit(1).select('sub1');
      assert.equal(row.sub1, sub1.replace('%', '\ufffd'));
    }
  });

  test('a referral code needs no program while one program alone has it', async () => {
    assert.deepEqual(await click(code), { status: 200, programId: api.programId });
    await makeAffiliate(api.live, { referralCode: 'jim', email: 'jim@example.com' });
    await makeAffiliate(api.stranger, { referralCode: 'jim' });
    assert.equal((await click('jim')).status, 400);
    assert.deepEqual(await click('jim', { program_id: api.programId }), { status: 200, programId: api.programId });
  });

  test('a referral code is that of the program that is named, and nobody else', async () => {
    assert.equal((await click('bob', { program_id: api.programId })).status, 400);
    assert.equal((await click('bob', { program_id: 999_999 })).status, 400, 'a program that there is not');
    assert.equal((await click('bob')).programId, other.programId);
  });

  test("a link's code leads where it leads in the whole hub, but takes no code of the program that is named", async () => {
    assert.equal((await click(other.linkCode)).programId, other.programId);
    assert.equal((await click(other.linkCode, { program_id: api.programId })).programId, other.programId);
    assert.equal((await click(`\u200b${other.linkCode}\u2060`)).programId, other.programId, 'as it was copied');
    await makeAffiliate(api.live, { referralCode: other.secondLinkCode, email: 'link@example.com' });
    assert.equal((await click(other.secondLinkCode, { program_id: api.programId })).programId, api.programId);
  });

  test('the numbers of programs cannot be guessed, and those that were counted up stay valid', async () => {
    const { db } = api.hub;
    await runSql(
      db,
      `insert into affitor_numbers values ('', 'program', '${other.programId}', 7);
       insert into affitor_sequences values ('', 'program', 7)`,
    );
    assert.equal(await numberOf(db, other.programId, 'program', other.programId), 7);
    assert.equal(await findProgramId(db, 7), other.programId);
    const number = await numberOf(db, api.programId, 'program', api.programId);
    assert.ok(number > 1e14 && Number.isSafeInteger(number), String(number));
    assert.equal(await numberOf(db, api.programId, 'program', api.programId), number, 'given once');
    assert.equal(await findProgramId(db, number), api.programId);
    assert.equal(await findProgramId(db, 8), null);
    assert.equal(await numberOf(db, api.programId, 'sale', 'cnv_1'), 1, 'sales are counted within their program');
  });
});
