import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mailboxOf, organizationOf } from '../../src/domain/email.ts';

test('a mailbox is what its provider delivers to: case everywhere, tags and dots only where they are ignored', () => {
  const same: [string, string][] = [
    ['Jane.Doe+shop@Gmail.com', 'janedoe@gmail.com'],
    ['j.a.n.e@googlemail.com', 'jane@gmail.com'],
    ['jane+a@outlook.com', 'jane@outlook.com'],
    ['jane+a@me.com', 'jane@icloud.com'],
    [' Jane@Shop.example ', 'jane@shop.example'],
  ];
  for (const [address, mailbox] of same) assert.equal(mailboxOf(address), mailbox);
  const different: [string, string][] = [
    ['jane.doe@outlook.com', 'janedoe@outlook.com'],
    ['jane+a@shop.example', 'jane@shop.example'],
    ['+a@gmail.com', '@gmail.com'],
  ];
  for (const [a, b] of different) assert.notEqual(mailboxOf(a), mailboxOf(b));
});

test('public mail providers are nobody\u2019s organization', () => {
  assert.equal(organizationOf('jane@Shop.example'), 'shop.example');
  for (const address of ['jane@gmail.com', 'jane@GMX.de', 'jane@yahoo.co.uk'])
    assert.equal(organizationOf(address), null);
});
