import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { describe, test } from 'node:test';
import {
  createAddressGuard,
  AddressRefusedError,
  type GuardOptions,
} from '../../../src/outbound/guard/address-guard.ts';

const names: Record<string, string[]> = {
  'public.example': ['93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946'],
  'private.example': ['10.1.2.3'],
  'mixed.example': ['93.184.216.34', '127.0.0.1'],
  'six.example': ['fd00::1'],
  'loop.example': ['127.0.0.1'],
  'mapped.example': ['::ffff:93.184.216.34'],
};

function resolve(hostname: string): Promise<LookupAddress[]> {
  const addresses = names[hostname];
  if (!addresses) return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
  return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
}

function guardWith(options: Partial<GuardOptions> = {}) {
  return createAddressGuard({
    allowCidrs: [],
    allowHttp: false,
    publicUrl: 'https://hub.example.com',
    resolve,
    ...options,
  });
}

async function refusal(url: string, options: Partial<GuardOptions> = {}): Promise<string | null> {
  const check = await guardWith(options).checkDestination(url);
  return check.ok ? null : check.problem;
}

describe('every notation of an address that is not public is refused', () => {
  const hosts = [
    '127.0.0.1',
    '127.1',
    '2130706433', // 127.0.0.1 in decimal
    '0177.0.0.1', // octal
    '0x7f.0.0.1', // hex
    '0x7f000001',
    '%31%32%37.0.0.1', // percent-encoded
    '①②⑦.⓪.⓪.①', // full-width forms
    '0.0.0.0',
    '0',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1', // carrier-grade NAT
    '169.254.169.254', // metadata of most clouds
    '0251.0376.0251.0376', // the same in octal
    '2852039166', // and in decimal
    '168.63.129.16', // Azure's host services
    '192.0.0.192', // Oracle's metadata
    '100.100.100.200', // Alibaba's metadata
    '192.0.2.1',
    '198.18.0.1',
    '203.0.113.7',
    '224.0.0.1',
    '255.255.255.255',
    '[::1]',
    '[::]',
    '[::127.0.0.1]', // IPv4-compatible
    '[::ffff:127.0.0.1]', // IPv4-mapped
    '[::ffff:7f00:1]',
    '[0:0:0:0:0:ffff:10.0.0.1]',
    '[::ffff:8.8.8.8]', // refused as a class: the plain address is the one way to name a public one
    '[::ffff:808:808]',
    '[64:ff9b::7f00:1]', // NAT64
    '[64:ff9b::a9fe:a9fe]',
    '[2002:7f00:1::]', // 6to4
    '[2001:0:53aa:64c::1]', // Teredo
    '[2001:db8::1]',
    '[fc00::1]',
    '[fd00:ec2::254]', // metadata over IPv6
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[5f00::1]',
    '[100::1]',
  ];
  for (const host of hosts) {
    test(host, async () => {
      assert.match((await refusal(`https://${host}/hook`)) ?? 'accepted', /not a public address/);
    });
  }
});

describe('names', () => {
  for (const host of [
    'localhost',
    'LOCALHOST',
    'localhost.',
    'app.localhost',
    'localhost.localdomain',
    'ip6-localhost',
    'metadata.google.internal',
    'printer.local',
    'db.internal',
    'nas.lan',
    'router.home.arpa',
  ]) {
    test(`${host} is refused by name`, async () => {
      assert.match((await refusal(`https://${host}/`)) ?? 'accepted', /not a public name/);
    });
  }

  test('localhost stays refused where its address was opened', async () => {
    assert.match((await refusal('http://localhost:4000/', { allowCidrs: ['127.0.0.0/8'] })) ?? '', /not a public name/);
  });

  test('a name whose addresses are all public is accepted', async () => {
    assert.equal(await refusal('https://public.example/hook'), null);
  });

  test('a name that resolves to one private address among public ones is refused', async () => {
    assert.match((await refusal('https://mixed.example/')) ?? '', /127\.0\.0\.1/);
    assert.match((await refusal('https://private.example/')) ?? '', /10\.1\.2\.3/);
    assert.match((await refusal('https://six.example/')) ?? '', /fd00::1/);
  });

  test('a name that does not resolve yet is accepted by https, and its connect fails with the DNS error', async () => {
    assert.equal(await refusal('https://later.example/'), null);
    await assert.rejects(guardWith().resolveAllowed('later.example', 'https:'), { code: 'ENOTFOUND' });
  });

  test('a name that came to point inside is refused at connect', async () => {
    await assert.rejects(guardWith().resolveAllowed('mixed.example', 'https:'), AddressRefusedError);
    assert.throws(() => guardWith().assertLiteralAllowed('[::ffff:127.0.0.1]', 'https:'), AddressRefusedError);
  });
});

describe('the form of the URL', () => {
  const refused: [string, RegExp][] = [
    ['', /must be a URL/],
    ['example.com/hook', /must be a URL/],
    ['//example.com', /must be a URL/],
    ['ftp://public.example/', /must be a URL/],
    ['javascript:alert(1)', /must be a URL/],
    ['data:text/plain,x', /must be a URL/],
    ['file:///etc/passwd', /must be a URL/],
    ['https://', /must be a URL/],
    ['https:// public.example/', /must be a URL/],
    ['https://public.example/a b', /must be a URL/],
    ['https://public.example/\n', /must be a URL/],
    ['https://public.example/\u0000', /must be a URL/],
    ['https://[::1', /must be a URL/],
    ['https://1.2.3.4.5/', /must be a URL|not a public/],
    ['https://public.example:99999/', /must be a URL/],
    [`https://public.example/${'x'.repeat(2048)}`, /must be a URL/],
    ['http://public.example/', /must start with https/],
    ['https://user:pass@public.example/', /user name/],
    ['https://user@public.example/', /user name/],
    ['https://public.example:22/', /port 22/],
    ['https://public.example:25/', /port 25/],
    ['https://public.example:5432/', /port 5432/],
    ['https://public.example:6379/', /port 6379/],
    ['https://hub.example.com/in/stripe/x', /this hub/],
    ['https://hub.example.com./x', /this hub/],
    ['https://HUB.example.com:443/x', /this hub/],
  ];
  for (const [url, problem] of refused) {
    test(`${JSON.stringify(url.slice(0, 50))} is refused`, async () => {
      assert.match((await refusal(url)) ?? 'accepted', problem);
    });
  }

  test('another port of the hub’s host follows the ordinary rules', async () => {
    const options = { publicUrl: 'http://127.0.0.1:3000', allowCidrs: ['127.0.0.0/8'] };
    assert.match((await refusal('http://127.0.0.1:3000/x', options)) ?? '', /this hub/);
    assert.equal(await refusal('http://127.0.0.1:3001/x', options), null);
  });
});

describe('what is opened on purpose', () => {
  const opened = { allowCidrs: ['127.0.0.0/8', 'fd00::/8'] };

  test('OUTBOUND_ALLOW_CIDRS opens its addresses, by plain http too, in every notation', async () => {
    for (const host of ['127.0.0.1:4000', '2130706433:4000', '[fd00::1]:4000']) {
      assert.equal(await refusal(`http://${host}/`, opened), null, host);
    }
    assert.equal(await refusal('http://loop.example/', opened), null);
  });

  test('but not its addresses written as IPv6: nobody needs them, and lists would have to name each network twice', async () => {
    const both = { allowCidrs: ['127.0.0.0/8', '::ffff:0:0/96'] };
    for (const options of [opened, both]) {
      assert.match((await refusal('http://[::ffff:127.0.0.1]:4000/', options)) ?? '', /written as IPv6/);
    }
    assert.match((await refusal('https://mapped.example/')) ?? '', /written as IPv6/);
    await assert.rejects(guardWith().resolveAllowed('mapped.example', 'https:'), AddressRefusedError);
  });

  test('it opens nothing else, and no http elsewhere', async () => {
    assert.match((await refusal('http://10.0.0.1/', opened)) ?? '', /not a public address/);
    assert.match((await refusal('http://93.184.216.34/', opened)) ?? '', /must start with https/);
    assert.match((await refusal('http://public.example/', opened)) ?? '', /must start with https/);
    assert.match((await refusal('http://later.example/', opened)) ?? '', /must start with https/);
    assert.match((await refusal('http://127.0.0.1:6379/', opened)) ?? '', /port 6379/);
    await assert.rejects(guardWith(opened).resolveAllowed('public.example', 'http:'), AddressRefusedError);
  });

  test('OUTBOUND_ALLOW_HTTP opens plain http to public addresses only', async () => {
    assert.equal(await refusal('http://public.example/', { allowHttp: true }), null);
    assert.match((await refusal('http://127.0.0.1/', { allowHttp: true })) ?? '', /not a public address/);
  });
});

test('concurrent lookups of one name share one', async () => {
  let lookups = 0;
  const guard = guardWith({
    resolve: async () => {
      lookups += 1;
      return [{ address: '93.184.216.34', family: 4 }];
    },
  });
  await Promise.all([1, 2, 3].map(() => guard.resolveAllowed('public.example', 'https:')));
  assert.equal(lookups, 1);
  await guard.resolveAllowed('public.example', 'https:');
  assert.equal(lookups, 2, 'what was found is not kept: the next connect asks again');
});
