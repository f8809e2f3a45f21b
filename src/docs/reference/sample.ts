import type { Operation } from './document.ts';

/** The call by curl, ready to copy where $KEY is set. No page knows the reader's key. */
export function sampleCall({ method, path, parameters, body, responses, access }: Operation, address: string): string {
  const where = path.replace(/\{(\w+)\}/g, (_whole, name: string) => shout(name));
  const asked = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map(({ name, schema }) => `${name}=${encodeURIComponent(valueOf(schema) ?? shout(name))}`);
  const url = `${address}${where}${asked.length > 0 ? `?${asked.join('&')}` : ''}`;
  const parts = [`curl${method === 'GET' ? '' : ` -X ${method}`} ${/[?&]/.test(url) ? quote(url) : url}`];
  const key = { key: '$KEY', admin: '$ADMIN_TOKEN', none: null }[access];
  if (key !== null) parts.push(`-H "Authorization: Bearer ${key}"`);
  const example = body?.['application/json']?.example;
  if (example !== undefined) {
    parts.push("-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(example, null, 2))}`);
  }
  const isFile = responses.some(({ response }) => 'text/csv' in (response.content ?? {}));
  if (isFile) parts.push(`-o ${path.slice(path.lastIndexOf('/') + 1)}`);
  return parts.join(' \\\n  ');
}

function valueOf(schema: { example?: unknown; enum?: readonly unknown[] }): string | undefined {
  const value = schema.example ?? schema.enum?.[0];
  return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
}

/** `keyId` as KEY_ID: to be filled in. */
function shout(name: string): string {
  return name.replace(/[A-Z]/g, '_$&').toUpperCase();
}

/** For a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
