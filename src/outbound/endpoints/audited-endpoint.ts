import type { EndpointRow } from './endpoint-rows.ts';

/** An endpoint, as the audit log calls it. */
export function endpointNamed(id: string) {
  return { type: 'webhook_endpoint', id };
}

/** Of its headers, whose values may be credentials, the names; of its health nothing. */
export function auditedFields({
  headers,
  disabledAt,
  ...row
}: EndpointRow & { headers?: Record<string, string> }): object {
  const { managed: _managed, failingSince: _failing, ...fields } = row;
  return { ...fields, disabled: disabledAt !== null, headers: headers && Object.keys(headers) };
}
