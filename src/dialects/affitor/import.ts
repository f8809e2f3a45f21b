import { z } from 'zod';
import { code, email } from '../../http/fields.ts';
import { cents, maybeCurrency, maybeTime, maybeWord, minorAmount, time, word } from '../../import/fields.ts';
import { defineKind, nobody, plainAffiliate, type ImportFormat } from '../../import/records.ts';

/**
 * Affitor's pages document no lists. What its exports hold is read by the names that the tracking API has for it: partners
 * (`partner_code`, `name`, `email`), clicks (`click_id`, `partner_code`, `created_at`), customers (`customer_key` with
 * `partner_code` or `click_id`) and sales (`transaction_id`).
 */
const partner = z.object({
  partner_code: code,
  name: word,
  email,
  status: z.enum(['pending', 'active', 'paused', 'banned']).default('active'),
  created_at: maybeTime,
});

const click = z.object({
  click_id: word,
  partner_code: word,
  created_at: time,
  referrer_url: z.string().max(2048).nullish(),
});

const customer = z.object({
  customer_key: word,
  partner_code: maybeWord,
  click_id: maybeWord,
  email: email.nullish(),
  created_at: maybeTime,
});

const sale = z.object({
  transaction_id: word,
  partner_code: maybeWord,
  click_id: maybeWord,
  customer_key: maybeWord,
  subscription_id: maybeWord,
  amount_cents: cents.nullish(),
  currency: maybeCurrency,
  created_at: maybeTime,
});

export const affitorFormat: ImportFormat = {
  browserLeads: true,
  kinds: [
    defineKind(
      'sale',
      [['transaction_id']],
      sale,
      (row) => [
        {
          kind: 'order',
          orderId: row.transaction_id,
          affiliate: row.partner_code,
          clickId: row.click_id,
          offer: null,
          customerId: row.customer_key,
          email: null,
          subscriptionId: row.subscription_id,
          amount: minorAmount(row.amount_cents, row.currency ?? 'USD'),
          occurredAt: row.created_at,
        },
      ],
      { affiliate: 'partner_code', clickId: 'click_id', orderId: 'transaction_id' },
    ),
    defineKind(
      'customer',
      [['customer_key']],
      customer,
      (row) => [
        {
          kind: 'customer',
          ...nobody,
          customerId: row.customer_key,
          email: row.email ?? null,
          affiliate: row.partner_code,
          clickId: row.click_id,
          offer: null,
          since: row.created_at,
        },
      ],
      { affiliate: 'partner_code', clickId: 'click_id' },
    ),
    defineKind(
      'click',
      [['click_id']],
      click,
      (row) => [
        {
          kind: 'click',
          id: row.click_id,
          affiliate: row.partner_code,
          link: null,
          offer: null,
          occurredAt: row.created_at,
          subs: [],
          sourceUrl: row.referrer_url ?? null,
        },
      ],
      { affiliate: 'partner_code', clickId: 'click_id' },
    ),
    defineKind(
      'partner',
      [['partner_code', 'email']],
      partner,
      (row) => [
        {
          kind: 'affiliate',
          ...plainAffiliate,
          id: null,
          displayName: row.name,
          email: row.email,
          status: row.status,
          referralCode: row.partner_code,
          createdAt: row.created_at,
          activatedAt: row.status === 'active' ? row.created_at : null,
        },
      ],
      { referralCode: 'partner_code' },
    ),
  ],
};
