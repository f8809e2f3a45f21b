import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillMacros, findDestinationProblem, findUrlProblem, mendDestination } from '../../src/domain/destinations.ts';

test('what a browser would take for another address is refused', () => {
  for (const [url, why] of [
    ['https:/shop.example/x', /http or https URL/],
    ['https:shop.example/x', /http or https URL/],
    ['https:///shop.example/x', /http or https URL/],
    ['https:\\\\shop.example\\x', /http or https URL/],
    ['https://shop.example\\x', /http or https URL/],
    ['https://', /http or https URL/],
    ['https://?x', /http or https URL/],
    ['//shop.example/', /http or https URL/],
    ['shop.example', /http or https URL/],
    ['javascript:alert(1)', /http or https URL/],
    ['https://shop.example/a\nb', /control characters/],
    ['https://shop.example/a\tb', /control characters/],
    ['https://shop.example/\0', /control characters/],
    ['https://shop.example/\u200bx', /cannot be seen/],
    ['https://shop.example/\u202ex', /cannot be seen/],
  ] as const) {
    assert.match(findUrlProblem(url) ?? '', why, JSON.stringify(url));
  }
  for (const url of [
    'https://shop.example',
    'HTTP://Shop.example:8080/a?b#c',
    'https://shop.example?x=1',
    'https://shop.example/a b/ü?q=\\d#/x\\y',
    'https://user@shop.example/',
    'https://[::1]:3000/x',
    'https://münchen.example/',
    'https://shop.example/می‌خواهم',
  ]) {
    assert.equal(findUrlProblem(url), null, url);
  }
});

test('a destination takes the macros that there are, behind its host, and names what it does not take', () => {
  for (const [url, why] of [
    ['https://shop.example/?a={transaction_id}', /unknown macro \{transaction_id\}: there are \{click_id\}/],
    ['https://shop.example/?a={{click_id}}', /write \{click_id\}/],
    ['https://shop.example/?a=${Sub1}', /write \{sub1\}/],
    ['https://shop.example/?a=[click_id]', /write \{click_id\}/],
    ['https://shop.example/?a=%%sub2%%', /write \{sub2\}/],
    ['https://shop.example/?a=#click_id#', /write \{click_id\}/],
    ['https://shop.example/?a={click_id', /write \{click_id\}/],
    ['https://shop.example/?a=click_id}', /write \{click_id\}/],
    ['https://shop.example/?a=%7Bclick_id', /write \{click_id\}/],
    ['https://shop.example/?a=%7B%7Bclick_id%7D%7D', /write \{click_id\}/],
    ['https://{sub1}.shop.example/', /before its path/],
    ['https://shop.example:{sub1}/', /./],
    ['https://{click_id}@shop.example/', /before its path/],
    ['https://%7Bsub1%7D.shop.example/', /before its path/],
  ] as const) {
    assert.match(findDestinationProblem(url) ?? '', why, url);
  }
  for (const url of [
    'https://shop.example/{affiliate_id}/?cid={click_id}&s={ SUB1 }#/{sub5}',
    'https://shop.example/?filter={"a":1}&items[]=2&data[sub1]=3',
    'https://shop.example/?x=%7Bfoo%7D',
    'https://shop.example/#{sub1}',
    'https://shop.example/?click_id=1&x={sub1}',
  ]) {
    assert.equal(findDestinationProblem(url), null, url);
  }
});

test('macros are filled in path, query and fragment, and no value climbs out of its folder', () => {
  const values = { click_id: 'clk_1', sub1: 'a%2Fb', sub2: '..', sub3: '%2e%2E%2fadmin', sub4: '%252e%252e' };
  for (const [url, filled] of [
    [
      'https://s.example/{click_id}/x?c={CLICK_ID}&d=%7Bsub1%7D#/{sub1}',
      'https://s.example/clk_1/x?c=clk_1&d=a%2Fb#/a%2Fb',
    ],
    ['https://s.example/a/{sub2}/{sub3}/{sub4}/{sub5}', 'https://s.example/a////'],
    ['https://s.example/a?b={sub2}&c={sub5}', 'https://s.example/a?b=..&c='],
    ['https://s.example/a?b={old}', 'https://s.example/a?b={old}'],
  ] as const) {
    assert.equal(fillMacros(url, values), filled);
  }
});

test('a destination of before leads where its parser read it, and every client knows its host', () => {
  for (const [url, mended] of [
    ['https:/shop.example/x', 'https://shop.example/x'],
    ['https:\\\\shop.example\\x', 'https://shop.example/x'],
    ['https://shop.example/a\nb', 'https://shop.example/ab'],
    ['https://münchen.example:8443/Ä?ö', 'https://xn--mnchen-3ya.example:8443/Ä?ö'],
    ['https://shop.example', 'https://shop.example'],
    ['HTTPS://Shop.example/p?a=%20b#c', 'HTTPS://Shop.example/p?a=%20b#c'],
  ] as const) {
    assert.equal(mendDestination(url), mended);
  }
});
