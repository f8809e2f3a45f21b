import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiResponsesObject } from 'zod-openapi';
import { z } from 'zod';
import packageFile from '../../../package.json' with { type: 'json' };
import {
  clickAnswer,
  errorAnswer,
  inactiveAnswer,
  leadAnswer,
  notAttributedAnswer,
  refundAnswer,
  saleAnswer,
} from './answers.ts';
import { clickBody, leadBody, refundBody, saleBody } from './schemas.ts';

export type OpenApiDocument = ReturnType<typeof createDocument>;

/** The OpenAPI 3.1 document of this dialect, made of the schemas that its handlers use. */
export function buildAffitorOpenApi(publicUrl: string): OpenApiDocument {
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Affitor Tracking API on Tributary',
      version: packageFile.version,
      description: 'Clicks, signups, sales and refunds, for clients of the Affitor Tracking API.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: `${publicUrl}/affitor` }],
    tags: [{ name: 'Tracking', description: 'Clicks, signups, sales and refunds' }],
    components: {
      securitySchemes: { bearerAuth: { type: 'http', scheme: 'bearer', description: 'An API key of the program' } },
    },
    paths: Object.fromEntries(
      Object.entries(operations).flatMap(([name, operation]) => [
        [`/api/v1/track/${name}`, { post: operation }],
        [`/api/tracking/${name}`, { post: { ...operation, ...aliasOf(operation) } }],
      ]),
    ),
  });
}

const errorDescriptions = {
  '400': 'A field is missing or wrong, or the customer is not known',
  '401': 'No API key, or a wrong one',
  '403': 'The program takes no leads without an API key (browserLeads)',
  '404': 'No sale has this transaction_id',
  '409': 'The transaction_id is recorded already',
  '413': 'The body has more than 1 MiB',
  '415': 'The body is not application/json',
  '429': 'Too many requests; see Retry-After',
  '500': 'An error on our side',
  '503': 'Not available at the moment; see Retry-After',
};

const operations: Record<'click' | 'lead' | 'sale' | 'refund', ZodOpenApiOperationObject> = {
  click: describe('trackClick', 'Track a click', 'By browsers and servers, without an API key.', [{}], clickBody, {
    answers: [clickAnswer, inactiveAnswer],
    errors: ['400'],
  }),
  lead: describe(
    'trackLead',
    'Track a signup',
    'By a server with its API key, or by a browser with a click id, where the program has `browserLeads` switched on.',
    [{ bearerAuth: [] }, {}],
    leadBody,
    { answers: [leadAnswer], errors: ['400', '401', '403'] },
  ),
  sale: describe('trackSale', 'Track a sale', 'Once a transaction_id.', [{ bearerAuth: [] }], saleBody, {
    answers: [saleAnswer, notAttributedAnswer],
    errors: ['400', '401', '409'],
  }),
  refund: describe('trackRefund', 'Track a refund', 'Once an amount.', [{ bearerAuth: [] }], refundBody, {
    answers: [refundAnswer],
    errors: ['400', '401', '404'],
  }),
};

function describe(
  operationId: string,
  summary: string,
  description: string,
  security: Record<string, string[]>[],
  body: z.ZodType,
  { answers, errors }: { answers: [z.ZodType, ...z.ZodType[]]; errors: (keyof typeof errorDescriptions)[] },
): ZodOpenApiOperationObject {
  const schema = answers.length === 1 ? answers[0] : z.union(answers);
  const responses: ZodOpenApiResponsesObject = {
    '200': { description: 'Recorded', content: { 'application/json': { schema } } },
  };
  for (const status of [...errors, '413', '415', '429', '500', '503'] as const) {
    responses[status] = {
      description: errorDescriptions[status],
      content: { 'application/json': { schema: errorAnswer } },
    };
  }
  return {
    operationId,
    tags: ['Tracking'],
    summary,
    description,
    security,
    requestBody: { required: true, content: { 'application/json': { schema: body } } },
    responses,
  };
}

function aliasOf({ operationId = '', summary = '' }: ZodOpenApiOperationObject) {
  return { operationId: `${operationId}Legacy`, summary: `${summary} (the path of earlier scripts)`, deprecated: true };
}
