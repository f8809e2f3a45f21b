import assert from 'node:assert/strict';
import { inTransaction } from '../../src/db/db.ts';
import { after, before, describe, it } from 'node:test';
import { z } from 'zod';
import { createAffiliate } from '../../src/program/affiliates.ts';
import { createKey } from '../../src/program/api-keys.ts';
import { createOffer } from '../../src/program/offers.ts';
import { createProgram } from '../../src/program/programs.ts';
import { startHub, type HubOptions, type TestHub } from '../support/hub.ts';

/**
 * The conformance suite that the five dialects share. A dialect tells its cases as a table and runs it against a whole
 * hub:
 *
 *     describeConformance('Attro', '/attro/api/v1', [
 *       { name: 'lists affiliates', request: () => ({ path: '/affiliates' }), status: 200, body: like({ data: [{ id: 'aff_1' }] }) },
 *       ...badInput([{ method: 'POST', path: () => '/affiliates', body: () => ({ … }), required: ['email'], … }], errors),
 *     ]);
 *
 * Bodies are compared with exact JSON types: `like` makes the schema of an example as the page prints it.
 */
export interface ConformanceCase {
  /** The guarantee. Cases run in the order of the table, in one program. */
  name: string;
  request: (program: ConformanceProgram) => CaseRequest;
  status: number;
  /** What the whole body must be; null: none. */
  body?: z.ZodType | null;
  /** Header -> what it must say; null: must not be there. */
  headers?: Readonly<Record<string, string | RegExp | null>>;
  /** More that must hold, or be kept in `program.kept` for later cases. */
  check?: (answer: CaseAnswer, program: ConformanceProgram) => void | Promise<void>;
}

export interface CaseRequest {
  method?: string;
  /** Under the dialect's base, or under this one. */
  path: string;
  base?: string;
  /** Whose key, sent as Bearer; `live` unless said. `none` sends none, for pages with other forms (in `headers`). */
  key?: KeyName;
  headers?: Record<string, string>;
  /** Sent as JSON; text is sent as it is. */
  body?: unknown;
}

export type KeyName = keyof ConformanceProgram['keys'] | 'none';

export interface CaseAnswer {
  status: number;
  headers: Headers;
  text: string;
  /** Undefined where it is not JSON; `at` reads in it. */
  json: unknown;
}

/** A program with an affiliate and an offer, and another program that has the same: nothing of it may be seen. */
export interface ConformanceProgram {
  hub: TestHub;
  programId: string;
  affiliateId: string;
  referralCode: string;
  /** 20 % of a sale. */
  offerId: string;
  offerCode: string;
  other: { programId: string; affiliateId: string; referralCode: string; offerId: string; offerCode: string };
  /** `other` is a key of the other program; `wrong` is none; `read` may only read. */
  keys: { live: string; test: string; read: string; other: string; wrong: string };
  /** What cases keep for later ones. */
  kept: Record<string, string>;
}

export function describeConformance(
  name: string,
  base: string,
  cases: readonly ConformanceCase[],
  { prepare, ...options }: HubOptions & { prepare?: (program: ConformanceProgram) => Promise<void> } = {},
): void {
  describe(name, () => {
    let program: ConformanceProgram;
    before(async () => {
      program = await openConformanceProgram(options);
      await prepare?.(program);
    });
    after(() => program.hub.stop());
    for (const each of cases) it(each.name, () => runCase(program, base, each));
  });
}

export async function openConformanceProgram(options: HubOptions = {}): Promise<ConformanceProgram> {
  const hub = await startHub(options);
  const [own, other] = [await makeProgram(hub, 'Acme Inc'), await makeProgram(hub, 'Somebody else')];
  const makeKey = async (programId: string, mode: 'live' | 'test', access: 'read' | 'write') =>
    (await createKey(hub.db, programId, { name: `${mode} ${access}`, mode, access })).plaintext;
  return {
    hub,
    ...own,
    other,
    keys: {
      live: await makeKey(own.programId, 'live', 'write'),
      test: await makeKey(own.programId, 'test', 'write'),
      read: await makeKey(own.programId, 'live', 'read'),
      other: await makeKey(other.programId, 'live', 'write'),
      wrong: `sk_live_${'0'.repeat(36)}`,
    },
    kept: {},
  };
}

async function makeProgram(hub: TestHub, name: string) {
  const { id: programId } = await createProgram(hub.db, { name });
  const { id: offerId, code: offerCode } = await createOffer(
    hub.db,
    { programId, livemode: true },
    {
      name: 'Premium Subscription',
      url: 'https://shop.example.com/premium',
      commission: { type: 'cps', rateBps: 2000 },
    },
  );
  const affiliate = await inTransaction(hub.db, (trx) =>
    createAffiliate(trx, { programId, livemode: true }, { displayName: 'John Smith', email: 'john@example.com' }),
  );
  return { programId, offerId, offerCode, affiliateId: affiliate.id, referralCode: affiliate.referralCode };
}

/** What stands at a path of the body, such as 'data.0.id'; undefined where nothing does. */
export function at({ json }: CaseAnswer, path: string): unknown {
  return path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], json);
}

export async function send(program: ConformanceProgram, base: string, request: CaseRequest): Promise<CaseAnswer> {
  const { method = request.body === undefined ? 'GET' : 'POST', path, key = 'live', body } = request;
  const headers = new Headers(key === 'none' ? {} : { authorization: `Bearer ${program.keys[key]}` });
  if (body !== undefined) headers.set('content-type', 'application/json');
  for (const [name, value] of Object.entries(request.headers ?? {})) headers.set(name, value);
  const response = await fetch(program.hub.url + (request.base ?? base) + path, {
    method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? (JSON.parse(text) as unknown) : undefined,
  };
}

async function runCase(program: ConformanceProgram, base: string, each: ConformanceCase): Promise<void> {
  const request = each.request(program);
  const answer = await send(program, base, request);
  const told = `${request.method ?? ''} ${request.path} answered ${answer.status} ${answer.text}`;
  assert.equal(answer.status, each.status, told);
  if (each.body === null) assert.equal(answer.text, '', told);
  else if (each.body) assertBody(each.body, answer.json, told);
  for (const [name, expected] of Object.entries(each.headers ?? {})) assertHeader(answer, name, expected);
  await each.check?.(answer, program);
}

function assertBody(schema: z.ZodType, json: unknown, told: string): void {
  const result = schema.safeParse(json);
  assert.ok(result.success, `${told}\n${result.error ? z.prettifyError(result.error) : ''}`);
}

function assertHeader({ headers }: CaseAnswer, name: string, expected: string | RegExp | null): void {
  const given = headers.get(name);
  if (expected instanceof RegExp) assert.match(given ?? '(absent)', expected, name);
  else assert.equal(given, expected, name);
}

/**
 * The schema of a JSON example: the same fields, no other, each of the same JSON type; lists of any length whose items
 * are like the first. `fields` says more of a field by its name, wherever it stands (a null that the example has as
 * text, say); a schema within the example stands for itself.
 */
export function like(example: unknown, fields: Readonly<Record<string, z.ZodType>> = {}): z.ZodType {
  if (example instanceof z.ZodType) return example;
  if (Array.isArray(example)) return example.length === 0 ? z.array(z.unknown()) : z.array(like(example[0], fields));
  if (typeof example === 'object' && example !== null) {
    const entries = Object.entries(example).map(([name, value]) => [name, fields[name] ?? like(value, fields)]);
    return z.strictObject(Object.fromEntries(entries));
  }
  if (example === null) return z.null();
  return { string: z.string(), number: z.number(), boolean: z.boolean() }[typeof example as 'string'];
}

/** The schema of this very value. */
export function exactly(value: unknown): z.ZodType {
  return z.custom(
    (given) => {
      try {
        assert.deepEqual(given, value);
        return true;
      } catch {
        return false;
      }
    },
    `must be exactly ${JSON.stringify(value)}`,
  );
}

/** What an endpoint takes, so that `badInput` can spoil it. */
export interface Endpoint {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  path: (program: ConformanceProgram) => string;
  /** A body that would be taken. */
  body?: (program: ConformanceProgram) => Record<string, unknown>;
  /** Fields without which the body is refused. */
  required?: readonly string[];
  /** Field -> a value of a wrong type or out of bounds. */
  wrong?: Readonly<Record<string, unknown>>;
  /** Query strings that are refused: too large a page, a bad cursor, a word that is none. */
  wrongQueries?: readonly string[];
  /** The path with an id that is unknown, and with one of the other program. */
  unknown?: readonly ((program: ConformanceProgram) => string)[];
  /** Bodies whose ids are unknown, or the other program's. */
  unknownInBody?: readonly ((program: ConformanceProgram) => Record<string, unknown>)[];
  /** Needs a key that may write; POST, PUT and PATCH do unless said. */
  writes?: boolean;
  /** No key is needed. */
  open?: boolean;
}

/** How a dialect answers each kind of mistake. */
export interface ErrorShapes {
  noKey: ExpectedError;
  wrongKey: ExpectedError;
  readOnlyKey: ExpectedError;
  invalid: ExpectedError;
  invalidQuery?: ExpectedError;
  malformedJson: ExpectedError;
  tooLarge: ExpectedError;
  wrongMediaType: ExpectedError;
  unknown: ExpectedError;
  /** Ids in bodies; `invalid` unless said. */
  unknownInBody?: ExpectedError;
}

export interface ExpectedError {
  status: number;
  body: z.ZodType;
}

/** For every endpoint: wrong type, missing field, unknown id, another program's id, bad keys, malformed and huge bodies, bad pages. */
export function badInput(endpoints: readonly Endpoint[], errors: ErrorShapes): ConformanceCase[] {
  return endpoints.flatMap((endpoint) => [...badKeys(endpoint, errors), ...badBodies(endpoint, errors)]);
}

function badKeys(endpoint: Endpoint, errors: ErrorShapes): ConformanceCase[] {
  const { method, path, wrongQueries = [], unknown = [] } = endpoint;
  const writes = endpoint.writes ?? method !== 'GET';
  const name = nameEndpoint(endpoint);
  const request = (key: KeyName) => (program: ConformanceProgram) => ({
    method,
    path: path(program),
    key,
    ...(endpoint.body ? { body: endpoint.body(program) } : {}),
  });
  const keyed: ConformanceCase[] = endpoint.open
    ? []
    : [
        { name: `${name} refuses a request without a key`, request: request('none'), ...errors.noKey },
        { name: `${name} refuses a wrong key`, request: request('wrong'), ...errors.wrongKey },
        ...(writes
          ? [{ name: `${name} refuses a key that may only read`, request: request('read'), ...errors.readOnlyKey }]
          : []),
      ];
  const queries = wrongQueries.map((query) => ({
    name: `${name} refuses ?${query}`,
    request: (program: ConformanceProgram) => ({ method, path: `${path(program)}?${query}` }),
    ...(errors.invalidQuery ?? errors.invalid),
  }));
  const unknowns = unknown.map((pathOf, index) => ({
    name: `${name} knows no id that is not the program's (${index + 1})`,
    request: (program: ConformanceProgram) => ({
      method,
      path: pathOf(program),
      ...(endpoint.body ? { body: endpoint.body(program) } : {}),
    }),
    ...errors.unknown,
  }));
  return [...keyed, ...queries, ...unknowns];
}

function badBodies(endpoint: Endpoint, errors: ErrorShapes): ConformanceCase[] {
  const { method, path, body, required = [], wrong = {}, unknownInBody = [] } = endpoint;
  if (!body) return [];
  const name = nameEndpoint(endpoint);
  const spoil = (
    what: string,
    expected: ExpectedError,
    make: (program: ConformanceProgram) => unknown,
    headers = {},
  ) => ({
    name: `${name} refuses ${what}`,
    request: (program: ConformanceProgram) => ({ method, path: path(program), body: make(program), headers }),
    ...expected,
  });
  return [
    ...required.map((field) =>
      spoil(`a body without ${field}`, errors.invalid, (program) => ({ ...body(program), [field]: undefined })),
    ),
    ...Object.entries(wrong).map(([field, value]) =>
      spoil(`${field} ${JSON.stringify(value)}`, errors.invalid, (program) => ({ ...body(program), [field]: value })),
    ),
    ...unknownInBody.map((make, index) =>
      spoil(`an id that is not the program's (${index + 1})`, errors.unknownInBody ?? errors.invalid, (program) => ({
        ...body(program),
        ...make(program),
      })),
    ),
    spoil('a list for a body', errors.invalid, () => []),
    spoil('malformed JSON', errors.malformedJson, () => '{"a": '),
    spoil('a NUL in a text', errors.malformedJson, (program) => ({ ...body(program), more: 'a\0b' })),
    spoil('a body of more than 1 MiB', errors.tooLarge, () => JSON.stringify({ more: 'x'.repeat(1024 * 1024) })),
    spoil('a body that is not JSON', errors.wrongMediaType, () => 'a=b', { 'content-type': 'text/plain' }),
  ];
}

function nameEndpoint({ method, path }: Endpoint): string {
  const nowhere = new Proxy({}, { get: (_target, name) => (name === 'other' || name === 'kept' ? nowhere : ':id') });
  return `${method} ${path(nowhere as ConformanceProgram)}`;
}
