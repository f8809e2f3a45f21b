import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { ApiClient } from '../api/api-client.ts';

/** What anybody may send to a program: all who have no key of it. A new public way in is added here. */
export interface AnonymousRequest {
  kind: 'lead' | 'click' | 'visit' | 'follow' | 'postback';
  /** Whose click or link it is: 0 or 1. */
  partner: number;
  /** Of the clicks that the visitor knows, counted from the last. */
  click: number;
  key: string | null;
  email: string | null;
  /** Of a postback to the source that asks for no key. */
  order: string;
  status: string | null;
}

// Keys and e-mails that customers with a key have, too, among those that nobody may take.
export const customerKeys = ['ann', 'ben', 'cleo'];
export const customerEmails = ['ann@shop.example', 'ben@shop.example', 'first@partners.example'];

export const arbitraryAnonymousRequest: fc.Arbitrary<AnonymousRequest> = fc.record({
  kind: fc.constantFrom('lead', 'lead', 'lead', 'lead', 'click', 'visit', 'follow', 'postback', 'postback'),
  partner: fc.integer({ min: 0, max: 1 }),
  click: fc.integer({ min: 0, max: 3 }),
  key: fc.constantFrom(...customerKeys, ...customerKeys, 'cus_ann', 'email:ann@shop.example', 'click:x', null),
  email: fc.constantFrom(...customerEmails, null),
  order: fc.constantFrom('order-1', 'order-2', 'order-3', 'order-4', 'pi_1', 'pi_2'),
  status: fc.constantFrom(null, 'sale', 'hold', 'lead', 'rejected'),
});

/** What visitors know of a program: the codes of its affiliates, and clicks, also those by which somebody else bought. */
export interface Known {
  programId: string;
  codes: string[];
  clicks: string[];
  /** A source that asks for no key. */
  source: string;
}

/** Sends the request as a stranger does. The hub may refuse it, but never fails. */
export async function sendAnonymously(url: string, known: Known, request: AnonymousRequest): Promise<void> {
  const visitor = new ApiClient(url, null);
  const code = known.codes[request.partner] ?? '';
  const { programId } = known;
  switch (request.kind) {
    case 'lead': {
      const click_id = known.clicks.at(-1 - request.click);
      const body = { click_id, customer_key: request.key, email: request.email };
      const { status, text } = await visitor.post('//affitor/api/v1/track/lead', body);
      return assert.ok([200, 400].includes(status), text);
    }
    case 'click': {
      const body = { affiliate_url: `https://shop.example/?aff=${code}`, program_id: programId };
      const answer = await visitor.post('//affitor/api/v1/track/click', body);
      return void known.clicks.push(String(answer.body.click_id));
    }
    case 'visit': {
      const body = JSON.stringify({ ref: code, programId });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/api/v1/clicks/visitor`, { method: 'POST', headers, body });
      const { data } = (await answer.json()) as { data: { clickId: string } };
      return void known.clicks.push(data.clickId);
    }
    case 'postback': {
      const { order, key, email, status } = request;
      const said = {
        txid: order,
        sum: '70.00',
        currency: 'USD',
        click_id: known.clicks.at(-1 - request.click),
        status,
      };
      const who = {
        user_id: key,
        customer_email: email,
        subscription_id: key === null ? null : `sub_${key}`,
        aff: code,
      };
      const given = Object.entries({ ...said, ...who }).filter((one): one is [string, string] => Boolean(one[1]));
      const answer = await fetch(`${url}/pb/${known.source}?${new URLSearchParams(given).toString()}`);
      return assert.ok(answer.status < 500, await answer.text());
    }
    case 'follow': {
      const answer = await fetch(`${url}/r/${code}`, { redirect: 'manual' });
      const id = new URL(answer.headers.get('location') ?? '').searchParams.get('click_id');
      return void known.clicks.push(id ?? '');
    }
  }
}
