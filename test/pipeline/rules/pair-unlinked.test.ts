import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { FactOf } from '../../../src/domain/facts.ts';
import { pairingOfSale } from '../../../src/pipeline/rules/pair-unlinked.ts';

const payment: FactOf<'sale'> = {
  type: 'sale',
  id: 'stripe:payment_intent.succeeded:pi_1',
  refs: ['stripe:pi_1'],
  occurredAt: '2026-10-01T10:00:00.000Z',
  customer: { refs: ['stripe:cus_1'], email: null },
  evidence: {},
  document: 'payment',
  gross: { minor: 4900, currency: 'USD' },
  net: { minor: 4900, currency: 'USD' },
  phase: 'one_off',
  subscription: null,
  goal: 'purchase',
};
const invoice: FactOf<'sale'> = {
  ...payment,
  id: 'stripe:invoice.paid:in_1',
  refs: ['stripe:in_1'],
  document: 'invoice',
};

it('a payment and an invoice of one customer, currency and amount have the same key', () => {
  assert.deepEqual(pairingOfSale(payment), { key: 'stripe:cus_1 USD 4900', role: 'payment', at: payment.occurredAt });
  assert.deepEqual(pairingOfSale(invoice), { key: 'stripe:cus_1 USD 4900', role: 'document', at: invoice.occurredAt });
});

it('a sale that stands alone is never paired by its amount', () => {
  assert.equal(pairingOfSale({ ...payment, standsAlone: true }), null);
  assert.equal(pairingOfSale({ ...invoice, standsAlone: true }), null);
});
