import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import {
  compileCidrs,
  compileTrust,
  readAddress,
  readClientAddress,
  type TrustProxy,
} from '../../src/http/client-address.ts';
import { networkOf } from '../../src/http/network-limits.ts';
import { startHub, type TestHub } from '../support/hub.ts';

const read: [string, string | null][] = [
  ['203.0.113.9', '203.0.113.9'],
  [' 203.0.113.9 ', '203.0.113.9'],
  ['203.0.113.9:4711', '203.0.113.9'],
  ['"203.0.113.9:4711"', '203.0.113.9'],
  ['[203.0.113.9]:80', '203.0.113.9'],
  ['::ffff:203.0.113.9', '203.0.113.9'],
  ['::FFFF:cb00:7109', '203.0.113.9'],
  ['[::ffff:203.0.113.9]:443', '203.0.113.9'],
  ['2001:DB8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['"[2001:db8::1]:4711"', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['[fe80::1%25eth0]:1', 'fe80::1'],
  ['unknown', null],
  ['"unknown"', null],
  ['_hidden', null],
  ['shop.example', null],
  ['', null],
  ['203.0.113', null],
  ['0xcb.0.0x71.9', null],
  ['203.0.113.9:x', null],
  ['203.0.113.9:123456', null],
  ['[203.0.113.9', null],
  ['2001:db8::1:99999', null],
];

describe('an address', () => {
  for (const [text, address] of read) {
    test(`${text || 'empty'} is ${address ?? 'none'}`, () => assert.equal(readAddress(text), address));
  }

  test('of one network is one network, however it is written', () => {
    const networks = (texts: string[]): number => new Set(texts.map(networkOf)).size;
    assert.equal(
      networks(['203.0.113.9', '203.0.113.9:1', '203.0.113.9:2', '::ffff:203.0.113.9', '[::ffff:cb00:7109]:3']),
      1,
    );
    assert.equal(networks(['2001:db8:1:2::1', '[2001:db8:1:2::2]:80', '"[2001:DB8:1:2:ffff::]"']), 1);
    assert.equal(networks(['203.0.113.9', '203.0.113.10']), 2);
  });

  test('is matched against ranges in whichever form both are', () => {
    const matches = compileCidrs(['10.0.0.0/8', '::ffff:192.0.2.0/120', '2001:db8::/32']);
    for (const inside of ['10.1.2.3:80', '::ffff:10.1.2.3', '192.0.2.7', '[2001:db8::1]:80'])
      assert.ok(matches(inside));
    for (const outside of ['11.1.2.3', '192.0.3.7', '2001:db9::1', 'unknown', '']) assert.ok(!matches(outside));
  });
});

function clientOf(trust: TrustProxy, socketAddress: string, forwarded?: string): string | null {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  const request = { socket: { remoteAddress: socketAddress }, headers } as unknown as IncomingMessage;
  return readClientAddress(request, compileTrust(trust));
}

describe('the client of a request', () => {
  const cases: [what: string, trust: TrustProxy, socket: string, forwarded: string | undefined, client: string][] = [
    ['nobody is trusted', false, '::ffff:10.0.0.1', '203.0.113.9', '10.0.0.1'],
    ['one proxy', 1, '10.0.0.1', '198.51.100.7, 203.0.113.9:5000', '203.0.113.9'],
    ['two proxies, both with ports', 2, '10.0.0.1', '198.51.100.7, 203.0.113.9:5000, 10.0.0.2:80', '203.0.113.9'],
    [
      'proxies by address, with ports',
      ['10.0.0.0/8'],
      '::ffff:10.0.0.1',
      '1.1.1.1, "[2001:db8::1]:9", 10.0.0.2:80',
      '2001:db8::1',
    ],
    [
      'proxies by name',
      ['loopback', 'uniquelocal'],
      '127.0.0.1',
      '203.0.113.9, 192.168.1.1, 10.9.9.9:1',
      '203.0.113.9',
    ],
    ['all are trusted', true, '10.0.0.1', '198.51.100.7:1, 203.0.113.9', '198.51.100.7'],
    ['a proxy that does not know', 1, '10.0.0.1', '203.0.113.9, unknown', '10.0.0.1'],
    ['a proxy before it that does not know', 2, '10.0.0.1', '203.0.113.9, _x, 10.0.0.2', '10.0.0.2'],
    ['no header', 1, '10.0.0.1', undefined, '10.0.0.1'],
    ['an empty header', 1, '10.0.0.1', '', '10.0.0.1'],
    ['a stranger claims to be a proxy', ['10.0.0.1'], '203.0.113.9', '10.0.0.1', '203.0.113.9'],
  ];
  for (const [what, trust, socket, forwarded, client] of cases) {
    test(`${what}: ${client}`, () => assert.equal(clientOf(trust, socket, forwarded), client));
  }
});

describe('a limit by network behind a proxy that TRUST_PROXY names', () => {
  let hub: TestHub;
  before(async () => {
    hub = await startHub({ worker: false, env: { RATE_LIMITS: 'on', TRUST_PROXY: 'loopback' } });
  });
  after(() => hub.stop());

  /** Wrong keys, of which a network may send a hundred a minute. */
  async function statuses(forwarded: (index: number) => string): Promise<number[]> {
    const answers = Array.from({ length: 101 }, (_, index) =>
      fetch(`${hub.url}/api/v1/me`, { headers: { 'x-api-key': 'wrong', 'x-forwarded-for': forwarded(index) } }),
    );
    return (await Promise.all(answers)).map(({ status }) => status);
  }

  const cases: [what: string, forwarded: (index: number) => string][] = [
    ['that writes ports', (index) => `203.0.113.9:${1_024 + index}`],
    ['that writes IPv6 with ports, in quotes', (index) => `"[2001:db8:7::${index}]:${1_024 + index}"`],
    ['that writes IPv4 as IPv6', (index) => `192.0.2.${index}, ::ffff:198.51.100.7`],
    ['behind another', (index) => `192.0.2.${index}, 198.51.100.8, 127.0.0.${index}:80`],
    ['that does not know who it is', (index) => `192.0.2.${index}, unknown`],
  ];
  for (const [what, forwarded] of cases) {
    test(`holds: one ${what}`, async () => {
      const refused = (await statuses(forwarded)).filter((status) => status === 429);
      assert.equal(refused.length, 1);
    });
  }

  test('keeps networks apart', async () => {
    assert.ok((await statuses((index) => `10.9.${index}.1`)).every((status) => status === 401));
  });
});
