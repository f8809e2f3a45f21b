import assert from 'node:assert/strict';
import { it } from 'node:test';
import { redactRaw } from '../../../src/inbound/inbox/redaction.ts';

const KEY = 'sk_test_0123456789abcdefghijABCDEFGHIJ012345';

it('a key in a JSON body is replaced, under any spelling of secure and wherever it has the form of a key', () => {
  const cases: [string, string][] = [
    ['{"secure":"imported-key","sum":1.50}', '{"secure":"[redacted]","sum":1.5}'],
    ['{"_Secure":"imported-key"}', '{"_Secure":"[redacted]"}'],
    [`{"note": "${KEY}"}`, '{"note": "[redacted]"}'],
    ['{"sum": 1.50}', '{"sum": 1.50}'],
    [`["${KEY}"]`, '["[redacted]"]'],
    ['"insecure"', '"insecure"'],
  ];
  for (const [raw, redacted] of cases) {
    assert.equal(redactRaw(Buffer.from(raw), JSON.parse(raw)).toString(), redacted);
  }
});

it('a body without a key is kept byte for byte', () => {
  const raw = Buffer.from('{ "a" : 1e2,\n"b":"\\u00e9" }');
  assert.equal(redactRaw(raw, JSON.parse(raw.toString())), raw);
});
