import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import { nativeRoutes } from '../../src/api/native.ts';
import { buildOpenApi, pathOf } from '../../src/api/openapi.ts';
import { publicPaths } from '../../src/api/openapi-public.ts';

// What the document says of all alike: a route, a field or a word that is added later is looked at, too.

// oxlint-disable-next-line typescript/no-explicit-any -- a JSON document
type Json = any;
const document: Json = JSON.parse(JSON.stringify(buildOpenApi(nativeRoutes, 'https://hub.example')));
const schemas = document.components.schemas as Record<string, Json>;
const operations: [at: string, operation: Json][] = [
  ...Object.entries<Json>(document.paths),
  ...Object.entries<Json>(document.webhooks),
].flatMap(([path, item]) =>
  Object.entries<Json>(item).map(([method, operation]): [string, Json] => [`${method} ${path}`, operation]),
);

const mediaOf = (holder: Json): [type: string, media: Json][] => Object.entries<Json>(holder?.content ?? {});
const responsesOf = (operation: Json): [status: string, response: Json][] =>
  Object.entries<Json>(operation.responses).map(([status, response]) => [status, resolve(response)]);

function resolve(value: Json): Json {
  if (typeof value?.$ref !== 'string') return value;
  return (value.$ref as string)
    .slice(2)
    .split('/')
    .reduce((target, part) => target[part], document);
}

/** Every field of every schema, with the place where it stands. References are not followed: components are visited once. */
function* fieldsOf(schema: Json, at: string): Generator<[at: string, name: string, field: Json]> {
  if (typeof schema !== 'object' || schema === null) return;
  for (const [name, field] of Object.entries<Json>(schema.properties ?? {})) {
    yield [`${at}.${name}`, name, field];
    yield* fieldsOf(field, `${at}.${name}`);
  }
  const inner = [schema.items, schema.additionalProperties, schema.anyOf, schema.oneOf, schema.allOf].flat();
  for (const each of inner) yield* fieldsOf(each, at);
}

function* everyField(): Generator<[at: string, name: string, field: Json]> {
  for (const [id, schema] of Object.entries(schemas)) yield* fieldsOf(schema, id);
  for (const [at, operation] of operations) {
    for (const [, media] of mediaOf(operation.requestBody)) yield* fieldsOf(media.schema, `${at} body`);
    for (const [status, response] of responsesOf(operation)) {
      for (const [, media] of mediaOf(response)) yield* fieldsOf(media.schema, `${at} ${status}`);
    }
  }
}

test('every operation, parameter and answer says what it is', () => {
  const silent: string[] = [];
  for (const [at, operation] of operations) {
    if (!operation.description || !operation.summary) silent.push(at);
    for (const parameter of operation.parameters ?? [])
      if (!parameter.description) silent.push(`${at} ?${parameter.name}`);
    for (const [status, response] of responsesOf(operation)) if (!response.description) silent.push(`${at} ${status}`);
  }
  assert.deepEqual(silent, []);
});

test('every field says what it is', () => {
  const silent = [...everyField()].flatMap(([at, , field]) => {
    const described = field.description ?? resolve(field)?.description;
    return typeof described === 'string' && described !== '' ? [] : [at];
  });
  assert.deepEqual([...new Set(silent)], []);
});

test('states, kinds and reasons are lists of words', () => {
  const listed = new Set(['status', 'state', 'reason', 'outcome', 'mode', 'access', 'trigger']);
  const hasWords = (field: Json): boolean => {
    const schema = resolve(field);
    if (Array.isArray(schema.enum) || schema.const !== undefined) return true;
    return [schema.anyOf, schema.oneOf].flat().some((inner: Json) => inner && hasWords(inner));
  };
  // Of what somebody says in their own words, and of other systems', there is no list.
  const free = [
    /^Program\.status$/,
    /Input(\.|$)/,
    /Changes(\.|$)/,
    /Decision(\.|$)/,
    /^Problem\.status$/,
    // Sentences of people.
    /^(Adjustment|Customer\.binding|ReviewDecisions|Job\.errors)\.reason$/,
    /^post adjustment\.created body\.data\.reason$/,
    // Several words with commas; statuses of HTTP; of several kinds of things.
    /Filter\.(status|reason|outcome)$/,
    /^(ConversionOutcome|RefusedRequest)\.status$/,
    /^TimelineEntry\.state$/,
    /^(get|head) \/(readyz|livez)/,
    /^receive/,
  ];
  const vague = [...everyField()].flatMap(([at, name, field]) =>
    !listed.has(name) || free.some((pattern) => pattern.test(at)) || hasWords(field) ? [] : [at],
  );
  assert.deepEqual([...new Set(vague)], []);
});

test('every body and every answer has an example that fits', () => {
  const wrong: string[] = [];
  const check = (at: string, media: Json, schema: z.ZodType | null | undefined): void => {
    if (media.example === undefined && media.examples === undefined) {
      wrong.push(`${at}: none`);
      return;
    }
    const result = schema?.safeParse(media.example);
    if (result && !result.success) wrong.push(`${at}: ${result.error.message}\n${JSON.stringify(media.example)}`);
  };
  for (const route of nativeRoutes) {
    const operation = document.paths[pathOf(route)][route.method];
    const at = `${route.method} ${route.path}`;
    if (route.body) check(`${at} body`, operation.requestBody.content['application/json'], route.body);
    for (const [status, response] of responsesOf(operation)) {
      const schema = status === String(route.status) ? route.answer : route.otherAnswers?.[Number(status)]?.schema;
      for (const [type, media] of mediaOf(response)) check(`${at} ${status} ${type}`, media, schema);
    }
  }
  for (const [path, item] of Object.entries<Json>(publicPaths)) {
    for (const [method, described] of Object.entries<Json>(item)) {
      const operation = document.paths[path][method];
      for (const [type, media] of mediaOf(operation.requestBody)) {
        check(`${method} ${path} body`, media, described.requestBody.content[type].schema);
      }
      for (const [status, response] of responsesOf(operation)) {
        for (const [type, media] of mediaOf(response)) {
          if (media.schema)
            check(`${method} ${path} ${status}`, media, described.responses[status].content[type].schema);
        }
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('errors have one schema, also by default; a POST may be a repeat; lists tell their order', () => {
  for (const route of nativeRoutes) {
    const operation = document.paths[pathOf(route)][route.method];
    const at = `${route.method} ${route.path}`;
    assert.ok(operation.responses.default, at);
    for (const [status, response] of responsesOf(operation)) {
      if (Number(status) < 400) continue;
      assert.deepEqual(
        mediaOf(response).map(([type, media]) => [type, media.schema]),
        [['application/json', { $ref: '#/components/schemas/Error' }]],
        `${at} ${status}`,
      );
    }
    const { headers } = resolve(operation.responses[route.status]);
    assert.equal('Idempotent-Replayed' in headers, route.method === 'post', at);
    if (route.query && 'cursor' in route.query.shape) assert.match(operation.description, /newest first/i, at);
  }
  assert.ok(schemas['Problem']);
});

test('a conversion is described by our own names, with the other spellings beside them', () => {
  const names = Object.keys(schemas['ConversionInput'].properties);
  assert.deepEqual(names.slice(0, 4), ['clickId', 'amount', 'amountMinor', 'orderId']);
  assert.ok(names.every((name) => /^[a-z][A-Za-z0-9]*$/.test(name)));
  assert.match(
    schemas['ConversionInput'].description,
    /\| `orderId` \| `action_id`, `txid`, `external_id`, `transaction_id` \|/,
  );
});

test('the reference begins with keys, money, pages and errors, and leads to the guides', () => {
  const { description } = document.info;
  const places = ['**Authentication.**', '**Money.**', '**Pages.**', '**Errors.**'].map((title) =>
    description.indexOf(title),
  );
  assert.ok(places.every((place) => place > 0) && places.join() === places.toSorted((a, b) => a - b).join());
  assert.match(description, /\]\(guides\/\)/);
});
