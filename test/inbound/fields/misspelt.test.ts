import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hintAtMisspelt } from '../../../src/inbound/fields/misspelt.ts';
import { defaultFieldNames, fieldSpellings, renameFields } from '../../../src/inbound/fields/names.ts';

const hint = (...names: string[]) => hintAtMisspelt(names, defaultFieldNames);

describe('a name that is near to a field', () => {
  for (const [name, meant] of [
    ['refferal_code', 'referral_code'],
    ['referalCode', 'referral_code'],
    ['ammount', 'amount'],
    ['curency', 'currency'],
    ['oder_id', 'order_id'],
    ['clik_id', 'clickid'],
    ['custmer_email', 'customer_email'],
    ['cusotmer_id', 'customer_id'],
    ['subscriptionn_id', 'subscription_id'],
    ['afiliate_id', 'affiliate_id'],
    ['coupon', 'coupon_code'],
    ['Referral', 'referral_code'],
    ['affiliate', 'affiliate_id'],
    ['click', 'click_id'],
    ['ref', 'affiliate_id'],
    ['aff_sess', 'click_id'],
  ] as const) {
    it(`${name} is hinted at`, () => {
      assert.equal(hint(name), ` '${name}' is no field: was ${meant} meant?`);
    });
  }

  it('is not made of fields, of names of another kind, or of names that the source renames', () => {
    assert.equal(
      hint(
        ...Object.values(fieldSpellings).flat(),
        'their_own',
        'discount',
        'order',
        'action',
        'state',
        'sun',
        'subs1',
        'payout',
      ),
      '',
    );
    assert.equal(hintAtMisspelt(['ammount'], renameFields({ ammount: 'amount' })), '');
  });

  it('is told of three names at most', () => {
    assert.equal(hint('ammount', 'curency', 'oder_id', 'clik_id').match(/meant\?/g)?.length, 3);
  });
});
