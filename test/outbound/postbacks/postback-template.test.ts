import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  compileTarget,
  findBodyTemplateProblem,
  findTemplateProblem,
  renderRequest,
  sampleSubject,
} from '../../../src/outbound/postbacks/postback-request.ts';
import type { PostbackSubject } from '../../../src/outbound/postbacks/postback-request.ts';
import { postbackPresets } from '../../../src/outbound/postbacks/postback-presets.ts';
import { findUnfilledWord } from '../../../src/outbound/postbacks/template-spellings.ts';
import { parseTemplate } from '../../../src/outbound/postbacks/postback-template.ts';

function render(url: string, subject: Partial<PostbackSubject> = {}, bodyTemplate: string | null = null) {
  const target = compileTarget({ method: bodyTemplate === null ? 'GET' : 'POST', url, bodyTemplate });
  assert.ok(target);
  return renderRequest(target, { ...sampleSubject, ...subject });
}

function query(template: string, subject: Partial<PostbackSubject> = {}): string {
  return render(`https://t.example/?${template}`, subject).url.slice('https://t.example/?'.length);
}

describe('in the path of a URL', () => {
  const path = (template: string, sub1: string): string =>
    new URL(render(`https://t.example/${template}`, { subs: [sub1, null, null, null, null] }).url).pathname;

  test('a value cannot climb to another folder, also where a proxy decodes its slashes', () => {
    for (const climbing of [
      '..',
      '.',
      '...',
      '../../admin',
      'x/../admin',
      '..\\admin',
      '%2e%2e',
      '..%2fadmin',
      ' .. ',
    ]) {
      assert.equal(path('pb/{sub1}/payout', climbing), '/pb//payout', climbing);
      assert.equal(path('pb/.{sub1}/payout', climbing), '/pb/payout', climbing);
      assert.equal(path('pb/{sub1|none}/payout', climbing), '/pb/none/payout', climbing);
      assert.equal(path('pb/{sub1|..}/payout', climbing), '/pb//payout', climbing);
    }
  });

  test('every other value is as it was', () => {
    for (const [value, written] of [
      ['a.b', 'a.b'],
      ['v1.2/x..y', 'v1.2%2Fx..y'],
      ['', ''],
    ] as const) {
      assert.equal(path('pb/{sub1}/payout', value), `/pb/${written}/payout`);
    }
    assert.equal(query('cid={sub1}', { subs: ['../x', null, null, null, null] }), 'cid=..%2Fx');
  });
});

describe('macros', () => {
  test('say what is known of the conversion', () => {
    assert.equal(query('{click_id}|{payout}|{amount}|{currency}|{txid}'), 'w7f3k2|9.80|49.00|EUR|ORDER-98765');
    assert.equal(query('{conversion_id}'), sampleSubject.conversionId);
    assert.equal(
      query('{goal}-{offer_id}-{affiliate_id}'),
      `purchase-${sampleSubject.offerId}-${sampleSubject.affiliateId}`,
    );
    assert.equal(query('{sub1},{sub2},{sub3}'), 'w7f3k2,banner-a,');
    assert.equal(query('{timestamp}'), '1795169700');
    assert.equal(query('{CLICK_ID}'), 'w7f3k2');
  });

  test('the click id is the affiliate’s own, else ours', () => {
    assert.equal(query('{click_id}', { subs: [null, null, null, null, null] }), sampleSubject.clickId);
    assert.equal(query('{click_id}', { subs: [], clickId: null }), '');
  });

  test('amounts have the decimals of their currency', () => {
    assert.equal(query('{payout}', { commissionMinor: 500n, commissionCurrency: 'JPY' }), '500');
    assert.equal(query('{payout}', { commissionMinor: 1234n, commissionCurrency: 'KWD' }), '1.234');
    assert.equal(query('{payout}', { commissionMinor: 0n }), '0.00');
  });

  test('values are URL-encoded, so that none can add a parameter', () => {
    assert.equal(query('a={goal}', { goal: 'x&b=1 ü/#?' }), 'a=x%26b%3D1%20%C3%BC%2F%23%3F');
    assert.equal(query('a={goal}', { goal: '\ud800' }), 'a=%EF%BF%BD');
  });

  test('a fallback stands in for what is empty', () => {
    assert.equal(query('{sub3|none}-{sub2|none}'), 'none-banner-a');
    assert.equal(query('{txid|x}', { orderId: null }), sampleSubject.conversionId);
  });

  test('maps turn values into the tracker’s, with commas or spaces, with a word for all else', () => {
    assert.equal(query('{status:approved=1,pending=2}'), '1');
    assert.equal(query('{status:approved=1 pending=2}', { status: 'pending' }), '2');
    assert.equal(query('{goal:signup=7,*=9}'), '9');
    assert.equal(query('{goal:signup=7|3}'), '3');
    assert.equal(query('{goal:signup=7}'), 'purchase', 'what no map has stays as it is');
  });

  test('status maps may use the trackers’ words', () => {
    const map = '{status:lead=0,sale=1}';
    assert.equal(query(map), '1');
    assert.equal(query(map, { status: 'pending' }), '1');
    assert.equal(query(map, { kind: 'lead', status: 'pending' }), '0');
    assert.equal(query('{status:hold=2,sale=1}', { status: 'pending' }), '2');
    assert.equal(query('{status:sale=1,rejected=3}', { status: 'reversed' }), '3');
    assert.equal(query('{status:sale=1,reversed=4,rejected=3}', { status: 'reversed' }), '4');
  });

  test('dates take the formats of three families, and a time zone', () => {
    assert.equal(query('{date}'), '2026-11-20T10%3A15%3A00.000Z');
    assert.equal(query('{date:Y-m-d,UTC}'), '2026-11-20');
    assert.equal(query('{date:YYYYMMDDHHmmss,Asia/Tokyo}'), '20261120191500');
    assert.equal(query('{date:%d.%m.%y %H:%M,America/New_York}'), '20.11.26%2005%3A15');
    assert.equal(query('{date:H:i:s,UTC}'), '10%3A15%3A00');
    assert.equal(query('{date:U}'), '1795169700');
  });

  test('spaces stand wherever people write them', () => {
    assert.equal(query('x={ click_id }'), 'x=w7f3k2');
    assert.equal(query('x={status:lead=0 sale=1 rejected=2}'), 'x=1');
    assert.equal(query('x={goal|no goal}', { goal: null }), 'x=no%20goal');
    assert.equal(query('x={goal|no%20goal}', { goal: null }), 'x=no%20goal');
    assert.equal(query('x={goal|100%}', { goal: null }), 'x=100%25');
    assert.equal(query('x={date:Y-m-d H:i:s,Europe/Berlin}'), 'x=2026-11-20%2011%3A15%3A00');
    assert.equal(query('x={date:Y-m-d%20H:i:s,Europe/Berlin}'), 'x=2026-11-20%2011%3A15%3A00');
    assert.equal(query('x={date:%Y-%m-%d%20%H%3A%M,Europe/Berlin}'), 'x=2026-11-20%2011%3A15');
    assert.equal(query('x={status:lead=0%2Csale=1}'), 'x=1');
  });

  test('in a JSON body values are escaped instead', () => {
    const { method, body } = render('https://t.example/', { goal: 'say "hi"\n' }, '{"goal":"{goal}","p":{payout}}');
    assert.equal(method, 'POST');
    assert.deepEqual(JSON.parse(body ?? ''), { goal: 'say "hi"\n', p: 9.8 });
    assert.equal(render('https://t.example/', { goal: 'a b' }, 'goal={goal}').body, 'goal=a%20b');
  });
});

describe('templates that are refused', () => {
  for (const template of [
    'https://t.example/?x={unknown}',
    'https://t.example/?x={status:lead}',
    'https://t.example/?x={timestamp:ms}',
    'https://t.example/?x={date:Y-m-d,Nowhere/City}',
    'https://{sub1}/x',
    'https://t.example:{sub1}/x',
    '{sub1}://t.example/',
    'https://{sub1}@t.example/',
    't.example/?x={sub1}',
    'https://t.example/?x={sub-1}',
    'https://t.example/?x={{click_id}}',
    'https://t.example/?x={click_id',
    'https://t.example/?x={}',
  ]) {
    test(template, () => assert.notEqual(findTemplateProblem(template), null));
  }

  const spellings: [string, RegExp][] = [
    ['cid={click_id}&amp;payout={payout}', /&amp;/],
    ['cid={click_id}&amp;amp;payout={payout}', /&amp;/],
    ['cid={click_id}&#38;payout={payout}', /&amp;/],
    ['cid={click_id}&#x26;payout={payout}', /&amp;/],
    ['cid=%7Bclick_id%7D', /another system writes it: write \{click_id\}/],
    ['cid=%257Bclick_id%257D', /write \{click_id\}/],
    ['cid=[click_id]', /write \{click_id\}/],
    ['cid=[[clickid]]', /write \{click_id\}/],
    ['cid=x-[cid]-y', /write \{click_id\}/],
    ['cid=#click_id#', /write \{click_id\}/],
    ['cid=${click_id}', /write \{click_id\}/],
    ['cid=#{click_id}', /write \{click_id\}/],
    ['cid={{ click_id }}', /write \{click_id\}/],
    ['cid=%%CLICK_ID%%', /write \{click_id\}/],
    ['cid=__CLICK_ID__', /write \{click_id\}/],
    ['cid=!!!clickid!!!', /write \{click_id\}/],
    ['cid=*|CLICK_ID|*', /write \{click_id\}/],
    ['cid=@@click_id@@', /write \{click_id\}/],
    ['cid=$CLICK_ID$', /write \{click_id\}/],
    ['cid=<<<click_id>>>', /write \{click_id\}/],
    ['cid=<click_id>', /write \{click_id\}/],
    ['cid=&lt;click_id&gt;', /write \{click_id\}/],
    ['sum=[SUM]', /write \{payout\}/],
    ['cid=REPLACE_ME', /would go out as it stands/],
    ['cid=your_click_id', /would go out as it stands/],
    ['cid=[country]', /'\[country\]', which would go out as it stands/],
    ['cid={click_id}&country=%%geo%%', /%%geo%%/],
    ['cid={clickid}', /unknown macro \{clickid\}: there are \{click_id\}, /],
    ['cid={_date:Y}', /brace outside a macro/],
    ['cid={click_id}#top', /fragment/],
    ['cid={click_id}&x=a b', /space outside a macro: write %20/],
    ['x={date:Y-m-d Q}', /has 'Q', which is no part of a date: there are Y y F /],
    ['x={date:Y-m-d at H}', /has 't', which is no part of a date/],
    ['x={date:%Y-%Q}', /has '%Q', which is no part of a date: there are %Y /],
    ['x={date:%c}', /has '%c'/],
    ['x={date:YYYY-MM-DD KK:mm}', /has 'KK'.*in brackets, as in \[h\]/],
    ['x={date:yyyy-MM-DD}', /has 'DD'/],
    ['x={date:YYYY-MM-dd}', /has 'dd'/],
    ['x={date:iso}', /has 'o'/],
  ];
  for (const [text, expected] of spellings) {
    test(`?${text}: in words`, () => {
      assert.match(findTemplateProblem(`https://t.example/pb?${text}`) ?? '', expected);
    });
  }

  test('in a path and in a form, too', () => {
    assert.match(findTemplateProblem('https://t.example/[click_id]/pb') ?? '', /write \{click_id\}/);
    assert.match(findBodyTemplateProblem('cid=[click_id]') ?? '', /write \{click_id\}/);
    assert.match(findBodyTemplateProblem('cid={click_id}&amp;sum={payout}') ?? '', /&amp;/);
    assert.match(findBodyTemplateProblem('{"cid":"%%CLICK_ID%%"}') ?? '', /write \{click_id\}/);
    assert.match(findBodyTemplateProblem('{"cid":"{{click_id}}"}') ?? '', /write \{click_id\}/);
    assert.match(findBodyTemplateProblem('{"d":"{date:Y Q}"}') ?? '', /'Q'/);
    assert.match(findBodyTemplateProblem('<c><id>[click_id]</id></c>') ?? '', /write \{click_id\}/);
  });

  test('but not what only looks like it', () => {
    for (const text of [
      'cid={click_id}&ids=[{txid}]',
      'cid={click_id}&list[]=1&list[a]=2',
      'cid={click_id}&guid=%7B0E984725-C51C-4BF4-9960-E1C80E27ABA0%7D',
      'cid={click_id}&ampere=1&amplitude=2',
      'cid={click_id}&note=100%25&u=%C3%A4%C3%B6',
      'cid={click_id}&x=__&y=$5&z=*',
      'cid={click_id}&key=key&user=your',
      'cid={click_id}&filter[status]=1&f[a][payout]={payout}',
      'j=%7B%22status%22%3A1%7D&k=%7B%22id%22%3A%22{click_id}%22%7D',
      'd={date:%H:%M}&e={date:mm:ss}&f={date:Y-m-d H}&g={date:YYYY-MM-DD HH:mm}',
      'cid={click_id}&json=%7B%22payout%22%3A{payout}%7D',
    ]) {
      assert.equal(findTemplateProblem(`https://t.example/pb?${text}`), null, text);
    }
    for (const body of [
      '<click><cid>{click_id}</cid><note>a &amp; b</note></click>',
      '{"cid":"{click_id}","list":["payout"],"html":"&amp;"}',
    ]) {
      assert.equal(findBodyTemplateProblem(body), null, body);
    }
  });

  test('every ready template, until what it stands for is put in', () => {
    assert.match(findUnfilledWord('https://t.example/pb?cid={click_id}&secure=YOUR_API_KEY') ?? '', /YOUR_API_KEY/);
    assert.equal(findUnfilledWord('https://t.example/pb?cid={click_id}&user=YOUR'), null);
    for (const { tracker, url } of postbackPresets) {
      assert.match(findUnfilledWord(url) ?? '', /YOUR/, tracker);
      assert.equal(findTemplateProblem(url), null, `${tracker} can be looked at`);
      const own = url.replace('YOUR-DOMAIN.example', 'tracker.example').replaceAll(/YOUR_[A-Z_]+/g, 'k1');
      assert.equal(findTemplateProblem(own) ?? findUnfilledWord(own), null, tracker);
    }
  });

  test('a body with what looks like a macro and is none', () => {
    for (const body of ['a={nope}', 'a={sub-1}', 'a={click id}', '{"a":"{ClickId}"}']) {
      assert.match(findBodyTemplateProblem(body) ?? '', /unknown macro/, body);
    }
  });

  test('but braces of the body itself are text', () => {
    for (const body of ['{"a":1,"b":{"c":"{goal}","p":{payout},"none":{}}}', 'a={}&b={1}']) {
      assert.equal(findBodyTemplateProblem(body), null, body);
    }
    const parsed = parseTemplate('{"a":1,"b":{"c":"{goal}"}}');
    assert.ok(parsed.ok && parsed.template.macros.size === 1);
  });
});

test('a byte of a link that was not UTF-8 goes out as it came', () => {
  assert.equal(query('s={sub1}', { subs: ['caf\ufffdE9', null, null, null, null] }), 's=caf%E9');
  assert.equal(query('s={sub1}', { subs: ['caf\ufffd', null, null, null, null] }), 's=caf%EF%BF%BD');
});
