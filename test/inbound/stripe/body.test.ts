import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readStripeBody } from '../../../src/inbound/stripe/body.ts';
import { RECEIVED_AT, readFixture } from './fixtures.ts';

const { text } = readFixture('endive', 'one-off-checkout/03-payment_intent.succeeded');
const read = (body: string | Buffer, livemode = true) =>
  readStripeBody(Buffer.from(body as string), { livemode, receivedAt: RECEIVED_AT });

it('a byte order mark in front of the JSON is passed over', () => {
  assert.deepEqual(read(`\ufeff${text}`), read(text));
  assert.equal(read(text).kind, 'facts');
});

it('what is no JSON is unprocessable, in the mode of its source', () => {
  for (const body of ['', 'hello', '{"type":', Buffer.from([0xff, 0xfe, 0x00])]) {
    assert.deepEqual(read(body), { kind: 'unprocessable', livemode: true, error: 'the body is not JSON' });
  }
  assert.equal(read('hello', false).livemode, false);
});

it('a source of test mode makes nothing live, a live one leaves test events what they are', () => {
  assert.equal(read(text, false).livemode, false);
  assert.equal(read(text, true).livemode, true);
  assert.equal(
    read(text.replace('"livemode": true,\n  "pending', '"livemode": false,\n  "pending'), true).livemode,
    false,
  );
});
