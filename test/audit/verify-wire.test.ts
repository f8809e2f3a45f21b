import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifyLedger } from '../../src/audit/verify-ledger.ts';
import { make } from '../api/api-program.ts';
import { openHttpProgram, type HttpProgram } from '../journeys/http-program.ts';
import { startHub, type TestHub } from '../support/hub.ts';
import { runSql } from '../support/sql.ts';

// Messages as senders really write them: with byte order marks, in encodings of their own, in bodies that are none of ours.
// Each is read when it arrives, by `verify`, and by a replay, and each time as the same.

let hub: TestHub;
let program: HttpProgram;
let tracker: string;
before(async () => {
  hub = await startHub();
  program = await openHttpProgram(hub);
  const source = { kind: 'postback', requireKey: false, fields: { 'data.id': 'txid' } };
  tracker = (await make<{ id: string }>(program.api, '/sources', source)).id;
});
after(() => hub.stop());

async function post(path: string, body: string | Buffer, type = 'application/json'): Promise<void> {
  const headers = { authorization: `Bearer ${program.key}`, 'content-type': type };
  const answer = await fetch(hub.url + path, { method: 'POST', headers, body: body as string });
  assert.ok(answer.status < 300, `${path}: ${answer.status} ${await answer.text()}`);
}

async function click(): Promise<string> {
  const { affiliateId, offerId, api } = program;
  return (await make<{ id: string }>(api, '/clicks', { affiliateId, offerId })).id;
}

async function differences(): Promise<unknown[]> {
  await program.settled();
  return (await verifyLedger(hub.db)).differences;
}

function messages(): Promise<{ id: string; kind: string; outcome: string; facts: unknown; raw: Buffer }[]> {
  return runSql(
    hub.db,
    'select id, kind, outcome, facts, raw from inbox_events where program_id = ? and livemode order by id',
    [program.id],
  );
}

describe('messages as they really come', () => {
  test('are read again as they were when they came, by verify and by a replay', async () => {
    const mark = '\ufeff';
    const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
    await post(
      '/api/v1/conversions',
      `${mark}{"clickId":"${await click()}","amount":"10.00","currency":"USD","orderId":"bom-1"}`,
    );
    await post('/api/v1/events', `${mark}{"clickId":"${await click()}","eventType":"lead"}`);
    await post('/affspace/api/v1/conversions', `${mark}{"clickid":"${await click()}","action_id":"bom-2","sum":10}`);
    const pb = `/pb/${tracker}`;
    const form = 'application/x-www-form-urlencoded';
    await post(pb, `${mark}{"clickid":"${await click()}","sum":5,"data":{"id":"bom-3"},"event":{"id":1}}`);
    await post(pb, latin1(`{"clickid":"${await click()}","sum":5,"txid":"caf\xe9"}`));
    await post(pb, latin1(`clickid=${await click()}&sum=5&txid=caf\xe8&items[]=1&items[]=2`), form);
    await post(`${pb}?clickid=${await click()}&sum=5&txid=caf%E9-2`, 'hello', 'text/plain');
    await post(`${pb}?clickid=${await click()}&sum=5`, latin1('{"txid":"t\xff"}'), 'text/plain');
    const multipart = `--B\r\nContent-Disposition: form-data; name="data[id]"\r\n\r\nm\xe9\r\n--B--`;
    await post(`${pb}?clickid=${await click()}&sum=5`, latin1(multipart), 'multipart/form-data; boundary=B');
    for (const byte of ['E9', 'E8']) {
      assert.equal((await fetch(`${hub.url}${pb}?clickid=${await click()}&sum=5&txid=%${byte}`)).status, 200);
    }
    await program.revenuecat({ api_version: '1.0', event: { id: 'e', type: 'TEST', environment: 'PRODUCTION' } });
    const before = await messages();
    assert.deepEqual(await differences(), []);
    const orders = await runSql<{ count: number }>(
      hub.db,
      `select count(*)::int as count from orders where program_id = ?`,
      [program.id],
    );
    assert.equal(orders[0]?.count, 11, 'each is an order of its own');

    for (const { id } of before) {
      const answer = await program.api.post(`/inbox-events/${id}/replay`, {});
      assert.ok(answer.status < 300, answer.text);
    }
    assert.deepEqual(await differences(), []);
    for (const [index, { kind, facts, outcome, raw }] of (await messages()).entries()) {
      const was = before[index];
      assert.deepEqual([kind, facts, raw], [was?.kind, was?.facts, was?.raw]);
      assert.ok(['duplicate', 'ignored'].includes(outcome), `${kind}: ${outcome}`);
    }
  });

  test('of an older reading stand as they were read, until a replay reads them anew', async () => {
    const body = `\ufeff{"clickId":"${await click()}","amount":"10.00","currency":"USD","orderId":"older-1"}`;
    await post('/api/v1/conversions', body);
    await program.settled();
    const [row] = (await messages()).slice(-1);
    assert.ok(row);
    // As the reading before left it: taken in without its mark, and unreadable when it was replayed.
    await runSql(hub.db, `update inbox_events set reading = 3 where id = ?`, [row.id]);
    assert.deepEqual(await differences(), []);
    assert.ok((await program.api.post(`/inbox-events/${row.id}/replay`, {})).status < 300);
    assert.deepEqual(await differences(), []);
    assert.equal((await messages()).at(-1)?.outcome, 'duplicate');
  });

  test('that a replay of before could not read are mended by another one', async () => {
    await post(
      '/api/v1/conversions',
      `\ufeff{"clickId":"${await click()}","amount":"10.00","currency":"USD","orderId":"older-2"}`,
    );
    await program.settled();
    const [row] = (await messages()).slice(-1);
    assert.ok(row);
    // As the code of before left it: the ledger has its fact, and it says nothing any more.
    await runSql(
      hub.db,
      `update inbox_events set reading = 3, facts = '[]', status = 'unprocessable', outcome = 'unprocessable', error = 'no JSON'
       where id = ?`,
      [row.id],
    );
    assert.equal((await differences()).length, 1);
    assert.ok((await program.api.post(`/inbox-events/${row.id}/replay`, {})).status < 300);
    assert.deepEqual(await differences(), []);
  });

  test('that today are refused, or name another order, stay what the ledger has of them when they are replayed', async () => {
    const url = `/pb/${tracker}?sum=5&clickid=`;
    const [first, second] = [await click(), await click()];
    for (const query of [`${first}&txid=caf%EF%BF%BD`, `${second}&txid=escaped-1&status=sale`]) {
      assert.equal((await fetch(hub.url + url + query)).status, 200);
    }
    await program.settled();
    const taken = (await messages()).slice(-2);
    const readings = () =>
      runSql(hub.db, 'select reading, status, outcome, facts from inbox_events where id = any(?) order by id', [
        taken.map(({ id }) => id),
      ]);
    const orders = () =>
      runSql(hub.db, 'select id, reference from orders where program_id = ? order by id', [program.id]);
    // As the reading before took them in: bytes that are no UTF-8 were one and the same mark, and `&amp;` hid what it stood before.
    for (const [index, raw] of [
      `${url}${first}&txid=caf%E9`,
      `${url}${second}&txid=escaped-1&amp;status=sale`,
    ].entries()) {
      await runSql(hub.db, 'update inbox_events set reading = 3, raw = ? where id = ?', [
        Buffer.from(raw),
        taken[index]?.id,
      ]);
    }
    const [before, known] = [await readings(), await orders()];
    assert.deepEqual(await differences(), []);
    for (const { id } of taken) assert.ok((await program.api.post(`/inbox-events/${id}/replay`, {})).status < 300);
    assert.deepEqual(await differences(), []);
    assert.deepEqual(await orders(), known);
    const after = (await readings()) as { outcome: string }[];
    assert.deepEqual(
      after,
      (before as object[]).map((row) => ({ ...row, outcome: 'duplicate' })),
    );
  });
});
