/** Whose requests with messages are counted when they are refused. `http`: broken before it could be seen whose it is. */
export type RefusedKind = 'postback' | 'stripe' | 'revenuecat' | 'api' | 'surface' | 'http';

/** Why one is refused, where its status does not say enough; set by whoever refuses it. */
export type Refusal = 'signature' | 'address';

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
  return refusal ?? reasons[status] ?? 'other';
}
