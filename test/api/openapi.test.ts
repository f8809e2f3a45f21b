import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { errorStatus } from '../../src/domain/errors.ts';
import { nativeRoutes } from '../../src/api/native.ts';
import { pathOf } from '../../src/api/openapi.ts';
import { ApiClient } from './api-client.ts';
import { openApiProgram, type ApiProgram } from './api-program.ts';

let api: ApiProgram;
// oxlint-disable-next-line typescript/no-explicit-any -- a JSON document
let document: any;

before(async () => {
  api = await openApiProgram();
  const answer = await api.anonymous.get('//openapi.json');
  assert.equal(answer.status, 200);
  document = answer.body;
});
after(() => api.stop());

test('every route is described, and nothing that is not there', async () => {
  assert.equal(document.openapi, '3.1.0');
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item as object).map((method) => `${method} ${path}`),
  );
  const routes = nativeRoutes.map((route) => `${route.method} ${pathOf(route)}`);
  assert.equal(new Set(routes).size, routes.length);
  // The routes under /api/v1 that take no key stand beside the others.
  const all = [...routes, 'post /api/v1/clicks/visitor', 'get /api/v1/clicks/visitor/{id}'];
  assert.deepEqual(described.filter((entry) => entry.includes(' /api/v1')).sort(), all.toSorted());
  for (const path of [
    '/r/{code}',
    '/pb/{id}',
    '/in/stripe/{id}',
    '/in/revenuecat/{id}',
    '/livez',
    '/readyz',
    '/health',
    '/metrics',
  ]) {
    assert.ok(path in document.paths, path);
  }
});

test('every reference leads somewhere, every operation has a name of its own', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path);
  assert.ok(references.length > 100);
  for (const path of new Set(references)) {
    let target = document;
    for (const part of path.split('/')) target = target?.[part];
    assert.ok(target, path);
  }
  const names = [...JSON.stringify(document).matchAll(/"operationId":"([^"]+)"/g)].map(([, name]) => name);
  assert.equal(new Set(names).size, names.length);
});

test('bodies, parameters and answers are those of the handlers', () => {
  const create = document.paths['/api/v1/affiliates'].post;
  assert.deepEqual(create.requestBody.content['application/json'].schema, {
    $ref: '#/components/schemas/AffiliateInput',
  });
  assert.deepEqual(document.components.schemas.AffiliateInput.required, ['displayName', 'email']);
  assert.equal(document.components.schemas.AffiliateInput.additionalProperties, false);
  assert.equal(document.components.schemas.ConversionInput.additionalProperties, true);
  const listed = document.paths['/api/v1/conversions'].get.parameters.map(({ name }: { name: string }) => name);
  for (const name of ['limit', 'cursor', 'status', 'affiliateId', 'offerId', 'kind', 'startDate', 'endDate']) {
    assert.ok(listed.includes(name), name);
  }
  assert.deepEqual(Object.keys(document.paths['/api/v1/conversions'].post.responses).slice(0, 3), [
    '200',
    '201',
    '202',
  ]);
});

test('every error code of the catalogue is described', () => {
  const { code } = document.components.schemas.Error.properties.error.properties;
  assert.deepEqual(code.enum, Object.keys(errorStatus));
});

test('/docs leads to the document, and nothing is there that nobody wrote', async () => {
  const moved = await api.anonymous.get('//docs');
  // Relative, for hubs whose public URL has a path.
  assert.deepEqual([moved.status, moved.headers.get('location')], [301, 'docs/']);
  const page = await api.anonymous.get('//docs/');
  assert.equal(page.status, 200);
  assert.ok(page.text.includes('href="../openapi.json"'));
  assert.equal((await fetch(`${api.hub.url}/docs/nothing`)).status, 404);
});

test('errors come as problem+json where it is asked for', async () => {
  const accept = { accept: 'application/problem+json' };
  const problem = await api.live.get('/affiliates?limit=0', { headers: accept });
  assert.equal(problem.headers.get('content-type'), 'application/problem+json; charset=utf-8');
  assert.deepEqual(
    [problem.body.status, problem.body.code, problem.body.details],
    [400, 'VALIDATION_ERROR', { limit: 'must be a whole number from 1 to 100' }],
  );
  const plain = await api.live.get('/affiliates?limit=0', { headers: { accept: '*/*' } });
  assert.match(plain.headers.get('content-type') ?? '', /^application\/json/);
  const success = await api.live.get('/me', { headers: accept });
  assert.match(success.headers.get('content-type') ?? '', /^application\/json/);
  const strange = await api.live.get('/affiliates?limit=0', { headers: { accept: 'text/html' } });
  assert.equal(strange.body.error.code, 'VALIDATION_ERROR');
});

test('an error of our own tells nothing of its cause', async () => {
  const broken = await openApiProgram();
  try {
    await broken.hub.db.raw('alter table affiliates rename to gone');
    const answer = await new ApiClient(broken.hub.url, broken.liveKey).get('/affiliates');
    assert.deepEqual([answer.status, answer.body.error.code], [500, 'INTERNAL_ERROR']);
    assert.ok(!/affiliates|relation|\.ts/.test(answer.text));
  } finally {
    await broken.stop();
  }
});
