import type { Refusal, Source } from '../types.ts';

type Kind = Source['kind'];

export const kindWords: Readonly<Record<Kind, string>> = {
  stripe: 'Stripe',
  revenuecat: 'RevenueCat',
  postback: 'tracker',
};

export function nameOf({ name, kind, preset }: Pick<Source, 'name' | 'kind' | 'preset'>): string {
  if (name !== null) return name;
  return kind === 'postback' && preset ? `${preset} (tracker)` : kindWords[kind];
}

/** How a sender says who referred a sale: to be copied, with `ann` for an affiliate's code. */
export const namingOf: Readonly<Record<Kind, { words: string; code: string }>> = {
  stripe: {
    words: 'Put the affiliate, or the click_id that your landing page got, into the metadata of the checkout session:',
    code: "stripe.checkout.sessions.create({\n  …,\n  metadata: { affiliate_id: 'ann' },\n});",
  },
  revenuecat: {
    words: 'Set the affiliate, or the click_id, as an attribute of the subscriber, before they buy:',
    code: "Purchases.setAttributes({ affiliate_id: 'ann' });",
  },
  postback: {
    words: 'Have the tracker send the click_id with which the visitor came, or the affiliate:',
    code: '…&click_id={the click id of the hub}\n…&affiliate_id=ann',
  },
};

/** Why something was turned away, and what to do. */
export function whyRefused({ reason, message }: Pick<Refusal, 'reason' | 'message'>): string {
  switch (reason) {
    case 'signature_wrong':
      return 'its signature did not fit. Is this the secret of another endpoint?';
    case 'signature_missing':
      return 'it was not signed. Does somebody else know the address?';
    case 'signature_old':
      return 'it was signed more than five minutes before. Is a clock wrong, or was it sent again by hand?';
    case 'authorization_wrong':
      return 'its Authorization header did not fit. Is it set at RevenueCat exactly as here?';
    case 'key_missing':
      return 'no API key came with it. Replace API_KEY in the address by a key that may send.';
    case 'key_wrong':
      return 'its API key is unknown or revoked, or of another program.';
    default:
      return `it was turned away: ${message}`;
  }
}
