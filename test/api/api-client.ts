import assert from 'node:assert/strict';
import { errorSchema, problemSchema } from '../../src/http/error-schemas.ts';
import { nativeRoutes } from '../../src/api/native.ts';
import type { Route } from '../../src/api/route.ts';

export interface ApiAnswer {
  status: number;
  headers: Headers;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read what they expect; the schema was checked
  body: any;
}

export interface CallOptions {
  /** An object is sent as JSON, text and bytes as they are. */
  body?: unknown;
  headers?: Record<string, string>;
}

/** Calls a hub as one key does. Every answer of a native route is checked against the route's own schema. */
export class ApiClient {
  readonly url: string;
  readonly #key: string | null;

  constructor(url: string, key: string | null) {
    this.url = url;
    this.#key = key;
  }

  get(path: string, options: CallOptions = {}): Promise<ApiAnswer> {
    return this.call('GET', path, options);
  }

  post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiAnswer> {
    return this.call('POST', path, { body, headers });
  }

  patch(path: string, body?: unknown): Promise<ApiAnswer> {
    return this.call('PATCH', path, { body });
  }

  delete(path: string): Promise<ApiAnswer> {
    return this.call('DELETE', path);
  }

  /** `path` is under /api/v1, unless it starts with a double slash: '//r/abc' is '/r/abc'. */
  async call(method: string, path: string, { body, headers = {} }: CallOptions = {}): Promise<ApiAnswer> {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const target = path.startsWith('//') ? path.slice(1) : `/api/v1${path}`;
    const response = await fetch(this.url + target, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.#key === null ? {} : { authorization: `Bearer ${this.#key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    const answer = {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? (JSON.parse(text) as unknown) : null,
    };
    if (target.startsWith('/api/v1')) checkAnswer(method, target, answer);
    return answer;
  }
}

/** The route that a request leads to, by method and path. */
export function findRoute(method: string, target: string): Route | undefined {
  const path = target.replace(/^\/api\/v1/, '').replace(/\?.*$/, '');
  return nativeRoutes.find(
    (route) =>
      route.method === method.toLowerCase() && new RegExp(`^${route.path.replaceAll(/:\w+/g, '[^/]+')}/?$`).test(path),
  );
}

function checkAnswer(method: string, target: string, answer: ApiAnswer): void {
  const { status, headers, body, text } = answer;
  const at = `${method} ${target} ${status}: ${text.slice(0, 500)}`;
  if (status >= 400) {
    const isProblem = headers.get('content-type')?.includes('problem');
    const result = (isProblem ? problemSchema : errorSchema).safeParse(body);
    assert.ok(result.success, `${at}\n${result.error?.message}`);
    assert.equal(isProblem ? body.requestId : body.error.requestId, headers.get('x-request-id'), at);
    return;
  }
  const route = findRoute(method, target);
  assert.ok(route, `${at}: no route`);
  const schema = status === route.status ? route.answer : route.otherAnswers?.[status]?.schema;
  assert.ok(schema !== undefined, `${at}: a status that the route does not describe`);
  if (schema === null) {
    assert.equal(text, '', at);
    return;
  }
  const result = schema.safeParse(route.answerType === undefined ? body : text);
  assert.ok(result.success, `${at}\n${result.error?.message}`);
}
