import type { Follow, Schema } from './schema.ts';

/** What of the OpenAPI document is shown. */
export interface Operation {
  operationId: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  parameters: readonly Parameter[];
  body: Content | null;
  /** By status, in their order. */
  responses: readonly { status: string; response: Response }[];
  /** Which key the call needs. */
  access: 'key' | 'admin' | 'none';
}

export interface Parameter {
  in: 'path' | 'query' | 'header';
  name: string;
  required?: boolean;
  schema: Schema;
  description?: string;
}

/** By type of content. */
export type Content = Readonly<Record<string, { schema?: Schema; example?: unknown }>>;

export interface Response {
  $ref?: string;
  description: string;
  content?: Content;
}

export interface Tag {
  /** The last part of its page's address. */
  slug: string;
  title: string;
  operations: readonly Operation[];
}

export interface Reference {
  version: string;
  introduction: string;
  /** Where this hub is. */
  address: string;
  tags: readonly Tag[];
  follow: Follow;
}

interface OpenApi {
  info: { version: string; description: string };
  servers: [{ url: string }];
  tags: { name: string }[];
  paths: Record<string, Record<string, RawOperation>>;
}

interface RawOperation extends Pick<Operation, 'operationId' | 'summary'> {
  tags: string[];
  description?: string;
  parameters?: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, Response>;
  security?: Record<string, unknown>[];
}

/** Reads the text of the document, tag by tag, as its pages show it. */
export function readReference(text: string): Reference {
  const document = JSON.parse(text) as OpenApi;
  const follow: Follow = (given) => {
    if (given.$ref === undefined) return given;
    return given.$ref.slice('#/'.length).split('/').reduce<unknown>(step, document) as typeof given;
  };
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      tag: operation.tags[0],
      ...show(method, path, operation, follow),
    })),
  );
  return {
    version: document.info.version,
    introduction: document.info.description,
    address: document.servers[0].url,
    tags: document.tags.map(({ name }) => ({
      slug: name.toLowerCase().replaceAll(' ', '-'),
      title: name,
      operations: operations.filter(({ tag }) => tag === name),
    })),
    follow,
  };
}

const step = (at: unknown, name: string): unknown => (at as Record<string, unknown>)[name];

function show(method: string, path: string, raw: RawOperation, follow: Follow): Operation {
  return {
    operationId: raw.operationId,
    method: method.toUpperCase(),
    path,
    summary: raw.summary,
    description: raw.description ?? '',
    parameters: raw.parameters ?? [],
    body: raw.requestBody?.content ?? null,
    responses: Object.entries(raw.responses).map(([status, response]) => ({ status, response: follow(response) })),
    access: accessOf(raw.security),
  };
}

function accessOf(security: RawOperation['security']): Operation['access'] {
  if (security === undefined) return 'key';
  const ways = security.flatMap((way) => Object.keys(way));
  if (ways.length === 0) return 'none';
  return ways.includes('apiKey') ? 'key' : 'admin';
}
