import { PAYLOAD_VERSION } from '../events/event-types.ts';
import { userAgent } from './user-agent.ts';

// The headers of a request that are the same for every endpoint. Its own come before those of a webhook, so that none of
// them is replaced, and after those of a postback, whose receiver may want another content type.

export const webhookHeaders: Readonly<Record<string, string>> = {
  'content-type': 'application/json',
  'user-agent': userAgent,
  'tributary-payload-version': String(PAYLOAD_VERSION),
};

export function postbackHeaders(body: string | null): Record<string, string> {
  return { ...(body === null ? {} : { 'content-type': guessContentType(body) }), 'user-agent': userAgent };
}

function guessContentType(body: string): string {
  return /^\s*[{[]/.test(body) ? 'application/json' : 'application/x-www-form-urlencoded';
}
