import assert from 'node:assert/strict';
import { inTransaction } from '../../../src/db/db.ts';
import { after, before, describe, it } from 'node:test';
import { signStripeBody } from '../../../src/inbound/stripe/sign.ts';
import { createAffiliate } from '../../../src/program/affiliates.ts';
import { createSource } from '../../../src/program/sources.ts';
import { listFixtures } from '../../inbound/stripe/fixtures.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { at, openConformanceProgram, send, type ConformanceProgram } from '../conformance.ts';

const base = '/affilut/api/v1';
const secret = 'whsec_of_affilut';

/** The newest API generation's events of a journey. */
const journey = (name: string) =>
  listFixtures()
    .filter((fixture) => fixture.generation === 'endive' && fixture.name.startsWith(`${name}/`))
    .map(({ text }) => text);

describe("affilut's conversions that come by Stripe", () => {
  let program: ConformanceProgram;
  let sourceId: string;
  let partnerId: string;

  before(async () => {
    program = await openConformanceProgram();
    const { hub, programId } = program;
    const partner = await inTransaction(hub.db, (trx) =>
      createAffiliate(
        trx,
        { programId, livemode: true },
        { displayName: 'P', email: 'p@example.com', referralCode: 'partner-one' },
      ),
    );
    partnerId = partner.id;
    const secrets = { signingSecrets: [secret] };
    const source = await createSource(hub.db, hub.deps.secrets, programId, { kind: 'stripe', settings: {}, secrets });
    sourceId = source.id;
  });
  after(() => program.hub.stop());

  async function receive(texts: string[]): Promise<void> {
    for (const text of texts) {
      const response = await fetch(`${program.hub.url}/in/stripe/${sourceId}`, {
        method: 'POST',
        headers: { 'stripe-signature': signStripeBody(text, secret) },
        body: text,
      });
      assert.equal(response.status, 200);
    }
    await waitUntil('all events are settled', async () => {
      const waiting = await program.hub.db('inbox_events').where('status', 'received').select('id');
      const again = await program.hub.db('resettlements').select('id');
      return waiting.length + again.length === 0;
    });
  }

  async function list(query = ''): Promise<Record<string, unknown>[]> {
    const answer = await send(program, base, { path: `/conversions${query}` });
    assert.equal(answer.status, 200);
    return at(answer, 'data') as Record<string, unknown>[];
  }

  it('are listed with the charge that Stripe knows them by', async () => {
    await receive(journey('one-off-checkout'));
    const [conversion, ...others] = await list(`?affiliate_id=${partnerId}`);
    assert.deepEqual(others, []);
    assert.deepEqual(
      [
        conversion?.['stripeChargeId'],
        conversion?.['amountCents'],
        conversion?.['commissionCents'],
        conversion?.['status'],
      ],
      ['ch_3SYpdzTr1bFx7Hub8L4SvQTh', 10000, 2000, 'pending'],
    );
  });

  it('are not recorded a second time by hand under the payment that Stripe told of', async () => {
    const body = { affiliate_id: partnerId, amount_cents: 10000, external_id: 'pi_3SbEfwTr1bFx7HubA0sRCvbO' };
    const answer = await send(program, base, { path: '/conversions', body });
    assert.equal(answer.status, 409);
    assert.equal((await list()).length, 1);
  });

  it('of renewals are credited by affiliate_id on the customer alone', async () => {
    const customer = 'cus_AJbaScaOEOI7em';
    const link = journey('customer-link').map((text) => text.replaceAll('cus_YoExJiTiaJYhA8', customer));
    const renewal = journey('renewal').map((text) =>
      text.replaceAll(/"affiliate_id":\s*"partner-one"/g, '"plan": "pro"'),
    );
    await receive([...link, ...renewal]);
    const [conversion, ...others] = await list();
    assert.equal(others.length, 1);
    assert.deepEqual(
      [conversion?.['affiliateId'], conversion?.['stripeChargeId'], conversion?.['amountCents']],
      [partnerId, 'ch_3Smh1oTr1bFx7HublttLvEo7', 4900],
    );
  });
});
