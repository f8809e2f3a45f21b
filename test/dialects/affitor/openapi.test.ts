import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import { affitor } from '../../../src/dialects/affitor/index.ts';
import { startHub, type TestHub } from '../../support/hub.ts';

const documentSchema = z.looseObject({
  openapi: z.literal('3.1.0'),
  servers: z.array(z.object({ url: z.string() })).length(1),
  paths: z.record(
    z.string(),
    z.object({
      post: z.looseObject({
        operationId: z.string(),
        security: z.array(z.record(z.string(), z.array(z.string()))),
        requestBody: z.looseObject({}),
        responses: z.record(z.string(), z.looseObject({})),
      }),
    }),
  ),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});

describe('/affitor/openapi.json', () => {
  let hub: TestHub;
  let document: z.infer<typeof documentSchema>;

  before(async () => {
    hub = await startHub({ worker: false });
    const response = await fetch(`${hub.url}/affitor/openapi.json`);
    assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
    document = documentSchema.parse(await response.json());
  });
  after(() => hub.stop());

  it('is OpenAPI 3.1 to a validator of others', async () => {
    const result = await new Validator().validate(structuredClone(document));
    assert.deepEqual(result.errors ?? [], []);
    assert.equal(result.valid, true);
  });

  it('describes every route of the dialect, under the server that it names', () => {
    assert.equal(document.servers[0]?.url, `${hub.url}/affitor`);
    const served = affitor.routes.flatMap(({ path }) => [path].flat()).sort();
    assert.deepEqual(Object.keys(document.paths).sort(), served);
    const names = Object.values(document.paths).map(({ post }) => post.operationId);
    assert.equal(new Set(names).size, 8);
  });

  it('tells who needs a key', () => {
    const security = (name: string) => document.paths[`/api/v1/track/${name}`]?.post.security;
    assert.deepEqual(security('click'), [{}]);
    assert.deepEqual(security('lead'), [{ bearerAuth: [] }, {}]);
    assert.deepEqual(security('sale'), [{ bearerAuth: [] }]);
    assert.deepEqual(security('refund'), [{ bearerAuth: [] }]);
  });

  it('has the fields that the handlers take', () => {
    const { SaleRequest, RefundRequest } = document.components.schemas;
    assert.deepEqual(SaleRequest?.['required'], ['transaction_id', 'amount_cents']);
    assert.deepEqual(RefundRequest?.['required'], ['transaction_id']);
    assert.deepEqual(Object.keys(document.paths['/api/v1/track/sale']?.post.responses ?? {}), [
      '200',
      '400',
      '401',
      '409',
      '413',
      '415',
      '429',
      '500',
      '503',
    ]);
  });
});
