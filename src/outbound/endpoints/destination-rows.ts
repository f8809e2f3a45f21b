/** An endpoint as it is read (`endpointFields`) for what is sent to it, from JSON. */
export interface EndpointRow {
  id: string;
  programId: string;
  kind: 'webhook' | 'rest_hook' | 'postback';
  url: string;
  headers: string | null;
  rateLimitPerSecond: number | null;
  secret: string | null;
  previousSecret: string | null;
  previousSecretExpiresAt: string | null;
  failures: number;
  failing: boolean;
}

/** The arguments of json_build_object that make an EndpointRow of a row of `webhook_endpoints`. */
export const endpointFields = `'id', id, 'programId', program_id, 'kind', kind, 'url', url, 'headers', headers,
  'rateLimitPerSecond', rate_limit_per_second, 'secret', secret, 'previousSecret', previous_secret,
  'previousSecretExpiresAt', previous_secret_expires_at, 'failures', failures, 'failing', failing_since is not null`;
