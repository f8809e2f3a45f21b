import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCodeProblem, foldCode, stripInvisible } from '../../src/domain/codes.ts';

test('a code that looks like another one is not made', () => {
  for (const [code, why] of [
    ['SUMM\u0415R', /mix letters/], // a Cyrillic Е
    ['аnn', /mix letters/], // a Cyrillic а
    ['ΑNN', /mix letters/], // a Greek Α
    ['СОРЕ', /in Latin letters/], // Cyrillic altogether
    ['СОРЕ-10', /in Latin letters/],
    ['ΚΑΤΗΥ', /in Latin letters/], // Greek altogether
    ['ꓐꓳꓢꓢ', /in Latin letters/], // Lisu altogether
    ['ᏀᎪᎢᎬ', /in Latin letters/], // Cherokee
    ['ⲟⲥⲟ', /in Latin letters/], // Coptic
    ['bסss', /mix letters/], // a Hebrew samekh
    ['bဝss', /mix letters/], // a Myanmar letter
    ['b०ss', /ordinary letters/], // a Devanagari zero
    ['bos٥', /ordinary letters/], // an Arabic five
    ['ɡɑte', /ordinary letters/], // letters of phonetics
    ['ʙᴏꜱꜱ', /ordinary letters/], // small capitals
    ['bo\u0338ss', /ordinary letters/], // struck through
    ['ＳＵＭＭＥＲ', /ordinary letters/], // of full width
    ['𝐒𝐔𝐌𝐌𝐄𝐑', /ordinary letters/],
    ['ﬁne', /ordinary letters/], // a joined fi
    ['ann²', /ordinary letters/],
    ['black–friday', /ordinary hyphens/],
    ['black\u2212friday', /ordinary hyphens/],
    ['ann\u200b', /cannot be seen/],
    ['a\u200dn\u00adn', /cannot be seen/],
    ['\ufeffann', /cannot be seen/],
    ['ann\u202e', /cannot be seen/],
    ['ann\u3164', /cannot be seen/], // a Hangul filler
    ['ann\u001b', /cannot be seen/],
  ] as const) {
    assert.match(findCodeProblem(code) ?? '', why, code);
  }
});

test('codes of every language are made', () => {
  for (const code of [
    'ann',
    'A-N_N.1%',
    'café',
    'cafe\u0301',
    'СКИДКА10',
    'ΕΚΠΤΩΣΗ',
    '夏セール10',
    'SALE夏',
    'רבע',
    'خصم20',
    '💸10',
  ]) {
    assert.equal(findCodeProblem(code), null, code);
  }
});

test('what cannot be seen is left out when a code is looked up, and letters count as what they are', () => {
  assert.equal(stripInvisible('\u200bX7k\u2060d2\ufeff'), 'X7kd2');
  for (const typed of ['ANN', ' ann ', 'a\u200bn\u00adn', '\u202aann\u202c', 'ＡＮＮ'])
    assert.equal(foldCode(typed), 'ann');
  assert.equal(foldCode('CAFE\u0301'), foldCode('café'));
  assert.notEqual(foldCode('аnn'), 'ann', 'another letter is another letter');
});
