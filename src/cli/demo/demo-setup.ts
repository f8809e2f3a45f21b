import { randomBytes } from 'node:crypto';
import { createApiClient, type ApiClient } from '../hub/api-client.ts';
import type { DemoHub } from './demo-hub.ts';
import type { Input } from './demo-story.ts';
import type { Target } from '../fixtures/sign.ts';
import type { Subscriber } from '../subscriber.ts';

/** What the demo is played with: all made by the API. */
export interface DemoStage {
  api: ApiClient;
  /** Display names by affiliate id. */
  names: Map<string, string>;
  /** The affiliates by referral code. */
  affiliates: Map<string, string>;
  /** Where each input is, and how its messages are signed. */
  targets: Record<Input, Target>;
}

interface Created {
  data: { id: string; url: string; secret: string; key: string };
}

/** The referral code and the coupon are those that the fixtures name. */
const affiliates = [
  { displayName: 'Partner One', email: 'one@example.org', referralCode: 'partner-one', couponCodes: ['PARTNER10'] },
  { displayName: 'Coupon Corner', email: 'corner@example.org', referralCode: 'corner', couponCodes: ['SAVE10'] },
  {
    displayName: 'Media House',
    email: 'media@example.org',
    referralCode: 'media-house',
    commissionOverride: { rateBps: 3000 },
  },
];

/**
 * A program that pays 20 % of all payments for a year, the subscriber, three affiliates, and a source of each kind. The
 * subscriber comes before the affiliates, so that it hears of everything.
 */
export async function setUpStage(hub: DemoHub, subscriber: Subscriber): Promise<DemoStage> {
  const admin = createApiClient(hub.url, hub.adminToken);
  const program = await admin.call<Created>('POST', '/programs', { name: 'Demo shop', autoApprove: true });
  const { data: key } = await admin.call<Created>('POST', `/programs/${program.data.id}/api-keys`, {
    name: 'demo',
    mode: 'live',
    access: 'write',
  });
  const api = createApiClient(hub.url, key.key);
  const endpoint = await api.call<Created>('POST', '/webhook-endpoints', { url: subscriber.url });
  subscriber.setSecret(endpoint.data.secret);
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  for (const affiliate of affiliates) {
    const { data } = await api.call<Created>('POST', '/affiliates', affiliate);
    ids.set(affiliate.referralCode, data.id);
    names.set(data.id, affiliate.displayName);
  }
  await api.call('POST', '/offers', {
    name: 'Pro plan',
    url: 'https://shop.example.com/pro',
    commission: { type: 'revshare', rateBps: 2000, durationMonths: 12 },
  });
  return { api, names, affiliates: ids, targets: await openSources(hub, api, key.key) };
}

/** A visitor clicks the affiliate's link; the click id that the shop then sees in its URL. */
export async function clickLink({ api, affiliates: ids }: DemoStage, referralCode: string): Promise<string> {
  const offers = await api.call<{ data: { id: string }[] }>('GET', '/offers');
  const { data: link } = await api.call<{ data: { trackingUrl: string } }>('POST', '/tracking-links', {
    affiliateId: ids.get(referralCode),
    offerId: offers.data[0]?.id,
  });
  const answer = await fetch(link.trackingUrl, { redirect: 'manual' });
  const clickId = new URL(answer.headers.get('location') ?? '').searchParams.get('click_id');
  if (clickId === null) throw new Error(`The link ${link.trackingUrl} leads nowhere with a click id`);
  return clickId;
}

async function openSources(hub: DemoHub, api: ApiClient, key: string): Promise<DemoStage['targets']> {
  const makeSecret = () => randomBytes(24).toString('base64url');
  const signingSecret = `whsec_${makeSecret()}`;
  const secrets = { authorization: `Bearer ${makeSecret()}`, hmacSecret: makeSecret() };
  const open = async (source: object) => (await api.call<Created>('POST', '/sources', source)).data.url;
  return {
    stripe: {
      kind: 'stripe',
      url: await open({ kind: 'stripe', signingSecrets: [signingSecret] }),
      signingSecret,
    },
    revenuecat: { kind: 'revenuecat', url: await open({ kind: 'revenuecat', ...secrets }), ...secrets },
    keitaro: { kind: 'postback', url: await open({ kind: 'postback', preset: 'keitaro' }), key },
    postback: { kind: 'postback', url: await open({ kind: 'postback' }), key },
    conversion: { kind: 'conversion', url: `${hub.url}/api/v1/conversions`, key },
  };
}
