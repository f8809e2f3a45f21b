import { isUtf8 } from 'node:buffer';
import { Stripe } from 'stripe';

/** How old a signature may be. Stripe signs again at every retry; 0 or NaN would switch stripe-node's check off. */
export const TOLERANCE_S = 300;

export type SignatureVerdict =
  | { authentic: true }
  | {
      authentic: false;
      refusal: 'signature_missing' | 'signature_wrong' | 'signature_old' | 'malformed';
      problem: string;
    };

type Refused = Extract<SignatureVerdict, { authentic: false }>;

/**
 * Whether one of the signing secrets signed the body, not longer ago than the tolerance. `problem` says what to do, in
 * public words. Stripe-node's `constructEvent` is not used: it throws plain errors for thin events and for bodies that
 * are no JSON after the signature has passed, and takes one secret only.
 */
export function verifySignature(
  raw: Buffer,
  header: string | undefined,
  signingSecrets: string[],
  now: Date,
): SignatureVerdict {
  if (header === undefined || header.trim() === '') return refuse('signature_missing', problems.missing);
  if (!/(^|,)t=\d+(,|$)/.test(header) || !/(^|,)v1=/.test(header))
    return refuse('signature_missing', problems.malformed);
  if (raw.length === 0) return refuse('malformed', problems.empty);
  // Stripe-node signs text: bytes that are no UTF-8 would be replaced, and a byte order mark dropped, before they are compared.
  if (!isUtf8(raw)) return refuse('signature_wrong', problems.unsigned);
  const text = raw.toString('utf8');
  if (signingSecrets.some((secret) => isSigned(text, header, secret, TOLERANCE_S, now))) return { authentic: true };
  const signed = signingSecrets.some((secret) => isSigned(text, header, secret, Number.MAX_SAFE_INTEGER, now));
  return signed ? refuse('signature_old', problems.old) : refuse('signature_wrong', problems.unsigned);
}

const problems = {
  missing: 'The Stripe-Signature header is missing. Only Stripe, or a sender with the signing secret, may post here.',
  malformed: 'The Stripe-Signature header is not of the form t=…,v1=…. Pass it on as Stripe sent it.',
  empty: 'The body is empty. Pass it on as Stripe sent it.',
  unsigned:
    'No signature in Stripe-Signature fits the body and a signing secret of this source. Copy the signing secret ' +
    '(whsec_…) of exactly this endpoint from Stripe into signingSecrets (each endpoint has its own, in live and in ' +
    'test mode), and let nothing on the way change the body.',
  old:
    `The signature is older than ${TOLERANCE_S} seconds. Check the clock of this hub; ` +
    'Stripe signs again at every retry.',
};

function refuse(refusal: Refused['refusal'], problem: string): Refused {
  return { authentic: false, refusal, problem };
}

function isSigned(text: string, header: string, secret: string, toleranceS: number, now: Date): boolean {
  const { signature } = Stripe.webhooks;
  if (signature === null) throw new Error('stripe-node came without its webhook signatures');
  try {
    return signature.verifyHeader(text, header, secret, toleranceS, undefined, now.getTime());
  } catch {
    // Whatever else it throws (an empty `v1` is a RangeError) comes of the header, too, and proves nothing.
    return false;
  }
}
