import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { signStripeBody } from '../../../src/inbound/stripe/sign.ts';
import { TOLERANCE_S, verifySignature } from '../../../src/inbound/stripe/verify.ts';

const secret = 'whsec_the_right_one';
const now = new Date('2026-11-20T12:00:00.500Z');
const body = '{"id":"evt_1","object":"event","note":"Grüße, 漢字, \ufffd"}';
const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1000);

const verify = (header: string | undefined, secrets = [secret], raw: string | Buffer = body) =>
  verifySignature(Buffer.from(raw as string), header, secrets, now);
const signed = (seconds = 0, by = secret, text = body) => signStripeBody(text, by, secondsAgo(seconds));

describe('what Stripe signed is authentic', () => {
  it('by the only secret', () => {
    assert.deepEqual(verify(signed()), { authentic: true });
  });

  it('by any of several secrets, while one is rotated', () => {
    assert.deepEqual(verify(signed(), ['whsec_new', secret]), { authentic: true });
    assert.deepEqual(verify(signed(), [secret, 'whsec_old']), { authentic: true });
  });

  it('with several signatures in one header, as Stripe signs while a secret is rolled', () => {
    const [time, signature] = signed().split(',');
    const other = signed(0, 'whsec_other').split(',')[1];
    assert.deepEqual(verify(`${time},${other},${signature},v0=00`), { authentic: true });
  });

  it(`for ${TOLERANCE_S} seconds and not a second longer`, () => {
    assert.deepEqual(verify(signed(TOLERANCE_S)), { authentic: true });
    assertRefused(verify(signed(TOLERANCE_S + 1)), /older than 300 seconds/);
  });

  it('also with a byte order mark in front, which is signed with the rest', () => {
    const marked = `\ufeff${body}`;
    assert.deepEqual(verify(signed(0, secret, marked), [secret], marked), { authentic: true });
    assertRefused(verify(signed(), [secret], marked), /fits the body/);
  });

  it('the signature is the HMAC-SHA256 that Stripe documents', () => {
    const t = Math.floor(now.getTime() / 1000);
    const v1 = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex');
    assert.deepEqual(verify(`t=${t},v1=${v1}`), { authentic: true });
    assert.equal(signStripeBody(body, secret, now), `t=${t},v1=${v1}`);
  });
});

describe('what Stripe did not sign is not', () => {
  it('a body that was changed', () => {
    assertRefused(verify(signed(), [secret], body.replace('evt_1', 'evt_2')), /fits the body/);
    assertRefused(verify(signed(), [secret], `${body} `), /fits the body/);
  });

  it('another secret, no secret, a blank one', () => {
    assertRefused(verify(signed(0, 'whsec_wrong')), /fits the body/);
    assertRefused(verify(signed(), []), /fits the body/);
    assertRefused(verify(signed(), [' ']), /fits the body/);
  });

  it('an old signature by another secret is a wrong one, not an old one', () => {
    assertRefused(verify(signed(9999, 'whsec_wrong')), /fits the body/);
  });

  it('a header that is missing, empty or no signature', () => {
    assertRefused(verify(undefined), /missing/);
    assertRefused(verify('  '), /missing/);
    for (const header of ['garbage', 't=1', 'v1=00', 't=abc,v1=00', 't=-1,v1=00', 't=,v1=']) {
      assertRefused(verify(header), /not of the form/);
    }
  });

  it('a signature of the test scheme alone', () => {
    assertRefused(verify(signed().replace('v1=', 'v0=')), /not of the form/);
  });

  it('an empty body', () => {
    assertRefused(verify(signed(0, secret, ''), [secret], ''), /empty/);
  });

  it('bytes that only look like the signed text once they are repaired', () => {
    const repaired = '{"note":"\ufffd"}';
    const broken = Buffer.from(
      Buffer.from(repaired).toString('latin1').replace('\u00ef\u00bf\u00bd', '\u00ff'),
      'latin1',
    );
    assert.equal(broken.toString('utf8'), repaired);
    assertRefused(verifySignature(broken, signed(0, secret, repaired), [secret], now), /fits the body/);
  });
});

function assertRefused(verdict: ReturnType<typeof verifySignature>, problem: RegExp): void {
  assert.equal(verdict.authentic, false);
  assert.match(verdict.authentic ? '' : verdict.problem, problem);
}
