import type { Endpoint } from './types.ts';

// Pure: how an endpoint does, in words.

export type EndpointState = 'ok' | 'failing' | 'paused' | 'disabled';

type Known = Pick<Endpoint, 'disabled' | 'pausedUntil' | 'failingSince'>;

export function stateOf({ disabled, pausedUntil, failingSince }: Known): EndpointState {
  if (disabled) return 'disabled';
  if (pausedUntil !== null) return 'paused';
  return failingSince === null ? 'ok' : 'failing';
}

const whys: Readonly<Record<NonNullable<Endpoint['disabledReason']>, string>> = {
  manual: 'by hand',
  gone: 'it answered 410',
  failing: 'five days of only failures',
};

/** Why it is disabled. */
export function whyDisabled({ disabledReason }: Pick<Endpoint, 'disabledReason'>): string {
  return disabledReason === null ? '' : whys[disabledReason];
}

const kinds: Readonly<Record<Endpoint['kind'], string>> = {
  webhook: 'webhook',
  rest_hook: 'REST hook',
  postback: 'postback',
};

export function kindOf({ kind }: Pick<Endpoint, 'kind'>): string {
  return kinds[kind];
}
