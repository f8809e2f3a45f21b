import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { findForgery, signRevenueCat } from '../../../src/inbound/revenuecat/verify.ts';

const now = new Date('2026-11-05T12:00:00.500Z');
const seconds = 1_793_880_000;
const body = Buffer.from('{"event":{"type":"TEST"}}');
const hmacSecret = 'whs_example';
const v1 = createHmac('sha256', hmacSecret).update(`${seconds}.${body.toString()}`).digest('hex');
const signature = `t=${seconds},v1=${v1}`;

const check = (message: { authorization?: string; signature?: string; body?: Buffer }, secrets: object, at = now) =>
  findForgery(
    { body, authorization: undefined, signature: undefined, ...message },
    { authorization: null, hmacSecret: null, ...secrets },
    at,
  )?.problem ?? null;

describe('the Authorization header', () => {
  const secrets = { authorization: 'Bearer rc-s3cret' };

  it('must be exactly what was configured', () => {
    assert.equal(check({ authorization: 'Bearer rc-s3cret' }, secrets), null);
    for (const authorization of [
      'bearer rc-s3cret',
      'rc-s3cret',
      'Bearer rc-s3cret2',
      'Bearer rc-s3cre',
      '',
      undefined,
    ]) {
      assert.match(check(authorization === undefined ? {} : { authorization }, secrets) ?? '', /Authorization/);
    }
  });

  it('may be any text, also beyond ASCII, which HTTP hands on as Latin-1', () => {
    const sent = Buffer.from('ключ £').toString('latin1');
    assert.equal(check({ authorization: sent }, { authorization: ' ключ £ ' }), null);
  });
});

describe('the signature', () => {
  it('is the HMAC-SHA256 of the time, a dot and the body, over exactly these bytes', () => {
    assert.equal(signRevenueCat(body, hmacSecret, now), signature);
    assert.equal(check({ signature }, { hmacSecret }), null);
    assert.equal(check({ signature: ` v1=${'0'.repeat(64)}, t=${seconds} , v1=${v1}` }, { hmacSecret }), null);
    assert.match(check({ signature, body: Buffer.from(`${body.toString()} `) }, { hmacSecret }) ?? '', /does not fit/);
    assert.match(check({ signature }, { hmacSecret: 'another' }) ?? '', /does not fit/);
  });

  it('is believed for five minutes, before and after', () => {
    for (const [shiftS, isBelieved] of [
      [299, true],
      [-299, true],
      [301, false],
      [-302, false],
    ] as const) {
      const at = new Date((seconds + shiftS) * 1000);
      assert.equal(check({ signature }, { hmacSecret }, at) === null, isBelieved, String(shiftS));
    }
  });

  const broken = ['', 't=,v1=', `v1=${v1}`, `t=${seconds}`, `t=${seconds},v1=`, `t=${seconds},v1=zz`, `t=x,v1=${v1}`];
  for (const each of [
    ...broken,
    `t=${seconds},v0=${v1}`,
    `t=${seconds},v1=${v1.slice(2)}`,
    `t=${seconds},v1=${v1}00`,
  ]) {
    it(`'${each.slice(0, 30)}' is refused`, () => {
      assert.notEqual(check({ signature: each }, { hmacSecret }), null);
    });
  }
});

it('where both are configured both must be right', () => {
  const secrets = { authorization: 'a', hmacSecret };
  assert.equal(check({ authorization: 'a', signature }, secrets), null);
  assert.notEqual(check({ authorization: 'a' }, secrets), null);
  assert.notEqual(check({ signature }, secrets), null);
});

it('a source without any secret takes nothing', () => {
  assert.notEqual(check({ authorization: '', signature: '' }, {}), null);
});
