import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { createSigner } from '../../../src/outbound/wire/sign.ts';

const current = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const previous = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const body = JSON.stringify({ id: 'evt_1', data: { name: 'Zoë 🚀' } });

test('both libraries verify what is signed, by either family of headers', () => {
  const headers = createSigner([current]).sign('evt_1', new Date(), body);
  new SvixWebhook(current).verify(body, headers);
  assert.deepEqual(new StandardWebhook(current).verify(body, headers), JSON.parse(body));
  const svixOnly = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('svix-')));
  new SvixWebhook(current).verify(body, svixOnly);
});

test('while rotating, receivers with the new and with the old secret both verify', () => {
  const headers = createSigner([current, previous]).sign('evt_1', new Date(), body);
  for (const secret of [current, previous]) {
    new SvixWebhook(secret).verify(body, headers);
    new StandardWebhook(secret).verify(body, headers);
  }
  assert.match(headers['webhook-signature'] ?? '', /^v1,\S+ v1,\S+$/);
});

test('another body, another secret or an old timestamp do not verify', () => {
  const headers = createSigner([current]).sign('evt_1', new Date(), body);
  assert.throws(() => new SvixWebhook(current).verify(`${body} `, headers));
  assert.throws(() => new SvixWebhook(previous).verify(body, headers));
  const old = createSigner([current]).sign('evt_1', new Date(Date.now() - 6 * 60_000), body);
  assert.throws(() => new SvixWebhook(current).verify(body, old));
});

test('the signature is that of the svix library, whatever the key, the id, the time and the body', () => {
  const key = fc.uint8Array({ minLength: 24, maxLength: 64 });
  const time = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(key, fc.string({ unit: 'binary' }), time, fc.string({ unit: 'binary' }), (bytes, id, at, text) => {
      const secret = `whsec_${Buffer.from(bytes).toString('base64')}`;
      const { 'webhook-signature': signature } = createSigner([secret]).sign(id, at, text);
      assert.equal(signature, new SvixWebhook(secret).sign(id, at, text));
    }),
  );
});
