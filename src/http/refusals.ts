import type { AppError } from '../domain/errors.ts';

/** Whose requests with messages are counted when they are refused. `http`: broken before it could be seen whose it is. */
export type RefusedKind = 'postback' | 'stripe' | 'revenuecat' | 'api' | 'surface' | 'http';

/**
 * Why a message was turned away at its source, in a closed set of words: by these it is kept (inbound/refusals), and metrics tell
 * the coarser word beside it, which has fewer series.
 */
const refusals = {
  signature_missing: { metric: 'signature', told: 'No signature, or none of the form that the sender makes' },
  signature_wrong: { metric: 'signature', told: 'The signature fits none of the secrets of the source' },
  signature_old: { metric: 'signature', told: 'The signature is older than five minutes' },
  authorization_wrong: { metric: 'signature', told: 'The Authorization header is missing, or not that of the source' },
  key_missing: { metric: 'unauthenticated', told: 'No API key came with it' },
  key_wrong: { metric: 'unauthenticated', told: 'The API key is unknown, revoked, or of another program' },
  key_may_not_send: { metric: 'forbidden', told: 'The API key may only read' },
  address: { metric: 'address', told: 'The address is none of `allowedCidrs`' },
  macro: { metric: 'invalid', told: 'A macro that the tracker did not replace' },
  placeholder: { metric: 'invalid', told: 'An id that stands for no value, such as `null`' },
  amount: { metric: 'invalid', told: 'An amount that cannot be read' },
  incomplete: {
    metric: 'invalid',
    told: 'Something that is required is missing: whom it is about, an order id, an amount',
  },
  field: { metric: 'invalid', told: 'Another field that cannot be read' },
  malformed: { metric: 'invalid', told: 'The message as a whole cannot be read' },
  too_large: { metric: 'too_large', told: 'The body is too large' },
  media_type: { metric: 'media_type', told: 'A body of a type or an encoding that is not taken' },
  rate_limited: { metric: 'rate_limited', told: 'Too many requests' },
  source_deleted: { metric: 'unknown', told: 'The source was deleted' },
  wrong_kind: { metric: 'unknown', told: 'The address is that of a source of another kind' },
} as const;

export type Refusal = keyof typeof refusals;

export const refusalWords = Object.keys(refusals) as [Refusal, ...Refusal[]];

/** What each word means, for the documents. */
export function explainRefusal(refusal: Refusal): string {
  return refusals[refusal].told;
}

/** `details.reason` of what a field is refused for. */
const ofFields: Readonly<Record<string, Refusal>> = {
  unreplaced_macro: 'macro',
  placeholder_id: 'placeholder',
  amount_invalid: 'amount',
  amount_required: 'incomplete',
  escaped_ampersand: 'malformed',
};

const ofCodes: Readonly<Partial<Record<AppError['code'], Refusal>>> = {
  UNAUTHORIZED: 'key_missing',
  INVALID_API_KEY: 'key_wrong',
  INSUFFICIENT_PERMISSIONS: 'key_may_not_send',
  PAYLOAD_TOO_LARGE: 'too_large',
  UNSUPPORTED_MEDIA_TYPE: 'media_type',
  RATE_LIMITED: 'rate_limited',
};

/** Why a source turned a message away with this error; null where that was no word about the message: the hub itself failed. */
export function refusalOf({ code, status, details }: AppError): Refusal | null {
  if (status >= 500) return null;
  const known = ofCodes[code];
  if (known) return known;
  if (details === undefined) return 'malformed';
  const said = ofFields[details['reason'] ?? ''];
  if (said) return said;
  return Object.values(details).some((about) => / is required|^is required/.test(about)) ? 'incomplete' : 'field';
}

const kinds: readonly [RegExp, RefusedKind][] = [
  [/^(?:\/affspace)?\/pb\/[^/]/, 'postback'],
  [/^\/in\/stripe\/[^/]/, 'stripe'],
  [/^\/in\/revenuecat\/[^/]/, 'revenuecat'],
];

const posted: readonly [RegExp, RefusedKind][] = [
  [/^\/api\/v1\/(?:conversions|events|conversions\/[^/]+\/refunds)$/, 'api'],
  [/^\/(?:attro|affilut|affitor|affspace|refgrow)\//, 'surface'],
];

/**
 * By the path, since callers without a key are refused before a route is looked for; what stands in it is not told. Null: no
 * messages come by it.
 */
export function refusedKindOf(method: string, url: string): RefusedKind | null {
  const [path = ''] = url.split('?', 1);
  const known = method === 'POST' ? [...kinds, ...posted] : kinds;
  return known.find(([pattern]) => pattern.test(path))?.[1] ?? null;
}

const reasons: Readonly<Record<string, string>> = {
  aborted: 'aborted',
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'unknown',
  408: 'timeout',
  409: 'conflict',
  413: 'too_large',
  415: 'media_type',
  422: 'invalid',
  429: 'rate_limited',
  431: 'too_large',
  500: 'error',
  503: 'unavailable',
};

/** `status` is that of the answer, or `aborted`. Null: it was not refused. */
export function refusedReasonOf(status: string, refusal: Refusal | undefined): string | null {
  if (status !== 'aborted' && Number(status) < 400) return null;
  return (refusal && refusals[refusal].metric) ?? reasons[status] ?? 'other';
}
