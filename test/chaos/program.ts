import { randomBytes } from 'node:crypto';
import { createApiClient } from '../../src/cli/hub/api-client.ts';
import type { Target } from '../../src/cli/fixtures/sign.ts';
import { subscriberNames, type Subscribers } from './subscribers.ts';

/** What messages are about: a program that pays a tenth of every payment, its clicks, its four inputs and subscribers. */
export interface ChaosProgram {
  /** By their id whose click each is. */
  clicks: { id: string; affiliateId: string }[];
  key: string;
  /** With paths in the place of URLs: any web process takes them. */
  targets: Record<'stripe' | 'revenuecat' | 'postback' | 'conversion', Target>;
  endpointIds: Record<(typeof subscriberNames)[number], string>;
}

/** A tenth. */
export const RATE_BPS = 1_000;

const AFFILIATES = 10;
const CLICKS = 40;
// Before all that the clocks of a run say.
const CLICKED_BEFORE_MS = 3_600_000;

interface Created {
  data: { id: string; url: string; key: string };
}

/** Without subscribers nobody is told of anything. */
export async function makeProgram(
  url: string,
  adminToken: string,
  subscribers: Subscribers | null,
): Promise<ChaosProgram> {
  const admin = createApiClient(url, adminToken);
  const { data: program } = await admin.call<Created>('POST', '/programs', { name: 'Chaos' });
  const { data: key } = await admin.call<Created>('POST', `/programs/${program.id}/api-keys`, {
    name: 'chaos',
    mode: 'live',
    access: 'write',
    rateLimits: { conversions: 10_000_000, writes: 100_000, reads: 100_000 },
  });
  const api = createApiClient(url, key.key);
  const endpointIds = {} as ChaosProgram['endpointIds'];
  for (const name of subscribers ? subscriberNames : []) {
    const { data } = await api.call<Created>('POST', '/webhook-endpoints', { url: subscribers?.urlOf(name) });
    endpointIds[name] = data.id;
  }
  const { data: offer } = await api.call<Created>('POST', '/offers', {
    name: 'Chaos',
    url: 'https://shop.example.com/',
    currency: 'USD',
    commission: { type: 'cps', rateBps: RATE_BPS },
  });
  const affiliates: string[] = [];
  for (let n = 1; n <= AFFILIATES; n += 1) {
    const affiliate = { displayName: `Affiliate ${n}`, email: `affiliate-${n}@example.com`, referralCode: `a${n}` };
    affiliates.push((await api.call<Created>('POST', '/affiliates', affiliate)).data.id);
  }
  const occurredAt = new Date(Date.now() - CLICKED_BEFORE_MS).toISOString();
  const clicks: ChaosProgram['clicks'] = [];
  for (let n = 0; n < CLICKS; n += 1) {
    const affiliateId = affiliates[n % AFFILIATES] ?? '';
    const click = { affiliateId, offerId: offer.id, occurredAt };
    clicks.push({ id: (await api.call<Created>('POST', '/clicks', click)).data.id, affiliateId });
  }
  const signingSecret = `whsec_${randomBytes(24).toString('base64url')}`;
  const revenuecat = {
    authorization: `Bearer ${randomBytes(12).toString('hex')}`,
    hmacSecret: randomBytes(24).toString('hex'),
  };
  const pathOf = async (source: object): Promise<string> =>
    new URL((await api.call<Created>('POST', '/sources', source)).data.url).pathname;
  return {
    clicks,
    key: key.key,
    endpointIds,
    targets: {
      stripe: { kind: 'stripe', url: await pathOf({ kind: 'stripe', signingSecrets: [signingSecret] }), signingSecret },
      revenuecat: { kind: 'revenuecat', url: await pathOf({ kind: 'revenuecat', ...revenuecat }), ...revenuecat },
      postback: { kind: 'postback', url: await pathOf({ kind: 'postback', response: 'ok' }), key: key.key },
      conversion: { kind: 'conversion', url: '/api/v1/conversions', key: key.key },
    },
  };
}
