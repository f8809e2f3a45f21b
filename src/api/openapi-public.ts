import { z } from 'zod';
import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject } from 'zod-openapi';
import { conversionBody, trackedAnswers } from './conversion-schemas.ts';
import { visitorClickAnswer, visitorClickExpiry, visitorClickInput } from './visitor-clicks.ts';
import { errorSchema } from '../http/error-schemas.ts';

const id = z.object({ id: z.string().meta({ description: "The source's id" }) });
const error = (description: string) => ({ description, content: { 'application/json': { schema: errorSchema } } });
const unavailable = error('UNAVAILABLE: send it again');
const json = (description: string, schema: z.ZodType) => ({ description, content: { 'application/json': { schema } } });

const postbackAnswers = {
  '200': {
    description:
      'json: what became of it, as POST /conversions tells it. ok: `OK`. gif: a pixel. The last two when durable.',
    content: {
      'application/json': { schema: z.union([trackedAnswers.recorded, trackedAnswers.other, trackedAnswers.later]) },
      'text/plain': { schema: z.literal('OK') },
      'image/gif': {},
    },
  },
  '400': error('VALIDATION_ERROR: told in words by sources that answer ok or gif'),
  '401': error('UNAUTHORIZED or INVALID_API_KEY'),
  '403': error('INSUFFICIENT_PERMISSIONS: this key may only read, or this address may not send here'),
  '404': error('NOT_FOUND'),
  '429': error('RATE_LIMITED'),
  '503': unavailable,
};

function webhook(summary: string, operationId: string, refusal: string): ZodOpenApiOperationObject {
  return {
    operationId,
    tags: ['Public'],
    summary,
    description: 'Signed by the sender. What is authentic is stored and answered at once, whatever it says.',
    security: [],
    requestParams: { path: id },
    requestBody: { required: true, content: { 'application/json': { schema: z.looseObject({}) } } },
    responses: {
      '200': json('Stored', z.strictObject({ received: z.literal(true) })),
      [refusal as '400']: error('The signature or the header is wrong; nothing is stored'),
      '404': error('NOT_FOUND'),
      '413': error('PAYLOAD_TOO_LARGE'),
      '503': unavailable,
    },
  };
}

function operations(path: string, summary: string, responses: ZodOpenApiOperationObject['responses']) {
  const operationId = `get${path.slice(1, 2).toUpperCase()}${path.slice(2)}`;
  const description = 'For those who run the hub, and their machines; it needs no key but where it says so.';
  return { get: { operationId, tags: ['Operations'], summary, description, security: [], responses } };
}

const status = (description: string) => json(description, z.looseObject({ status: z.string() }));

/** What is not under /api/v1: the sources' URLs, redirects, and what the operators of the hub ask. */
export const publicPaths: ZodOpenApiPathsObject = {
  '/r/{code}': {
    get: {
      operationId: 'followTrackingLink',
      tags: ['Public'],
      summary: 'Follow a tracking link',
      description:
        "Of a tracking link, or an affiliate's own, which leads to the default offer. Records the click and leads on with " +
        '`click_id`, `ref` (affiliate id) and `aff_sess` appended; sub1…sub5 (up to 1024 characters, then cut, with … at the ' +
        'end), utm_* and foreign parameters are kept. A paused link and that of a banned affiliate lead on without a click; so ' +
        'do crawlers, previews and prefetches, which `crawlerVisits` counts. Otherwise affiliate and offer may be in any ' +
        'state: whether the click earns is judged when it converts. Codes are found in any case, and without what stood ' +
        'around them where they were copied.',
      security: [],
      requestParams: {
        path: z.object({ code: z.string() }),
        query: z.object({
          sub1: z.string().optional(),
          sub2: z.string().optional(),
          sub3: z.string().optional(),
          sub4: z.string().optional(),
          sub5: z.string().optional(),
        }),
      },
      responses: {
        '302': { description: 'To the destination', headers: z.object({ Location: z.string() }) },
        '404': {
          description: 'Nothing has this code: a plain page, or NOT_FOUND for those who ask for JSON',
          content: { 'text/html': { schema: z.string() }, 'application/json': { schema: errorSchema } },
        },
        '503': unavailable,
      },
    },
  },
  '/api/v1/clicks/visitor': {
    post: {
      operationId: 'recordVisitorClick',
      tags: ['Public'],
      summary: 'Record the click of a visitor who landed with ?ref=CODE',
      description: 'For browsers on the pages of a shop: without a key, from any origin, limited per address.',
      security: [],
      requestBody: { required: true, content: { 'application/json': { schema: visitorClickInput } } },
      responses: {
        '201': json('Recorded', visitorClickAnswer),
        '400': error('VALIDATION_ERROR: also where several programs have the code and none is named'),
        '404': error('NOT_FOUND: no affiliate has this code or id, or one who is banned'),
        '413': error('PAYLOAD_TOO_LARGE'),
        '415': error('UNSUPPORTED_MEDIA_TYPE'),
        '429': error('RATE_LIMITED'),
        '503': unavailable,
      },
    },
  },
  '/api/v1/clicks/visitor/{id}': {
    get: {
      operationId: 'readVisitorClickExpiry',
      tags: ['Public'],
      summary: 'Until when a click counts',
      description: 'For browsers, which keep a click for so long: without a key, from any origin, limited per address.',
      security: [],
      requestParams: { path: z.object({ id: z.string().meta({ description: 'The click id' }) }) },
      responses: {
        '200': json('Until then', visitorClickExpiry),
        '404': error('NOT_FOUND'),
        '429': error('RATE_LIMITED'),
        '503': unavailable,
      },
    },
  },
  '/pb/{id}': {
    get: {
      operationId: 'receivePostback',
      tags: ['Public'],
      summary: "A tracker's postback",
      description:
        'The fields of POST /conversions as query parameters, by the names of the source, with the key in `secure`.',
      security: [{ apiKey: [] }, { bearer: [] }, {}],
      requestParams: { path: id },
      responses: postbackAnswers,
    },
    post: {
      operationId: 'receivePostbackByPost',
      tags: ['Public'],
      summary: "A tracker's postback, as form or JSON",
      description: 'As by GET, with the fields in the body.',
      security: [{ apiKey: [] }, { bearer: [] }, {}],
      requestParams: { path: id },
      requestBody: {
        content: {
          'application/json': { schema: conversionBody },
          'application/x-www-form-urlencoded': { schema: conversionBody },
          'multipart/form-data': { schema: conversionBody },
        },
      },
      responses: postbackAnswers,
    },
  },
  '/in/stripe/{id}': { post: webhook('Webhooks of Stripe', 'receiveStripeWebhook', '400') },
  '/in/revenuecat/{id}': { post: webhook('Webhooks of RevenueCat', 'receiveRevenuecatWebhook', '401') },
  '/livez': operations('/livez', 'Whether the process answers', { '200': status('It does') }),
  '/readyz': operations('/readyz', 'Whether the process is to be sent anything', {
    '200': status('It is; `degraded` where something beside storing is not in order, which `checks` tells'),
    '503': status('It cannot store, its migrations are not those of the database, or it stops; `checks` tells which'),
  }),
  '/health': operations('/health', 'For uptime checks', {
    '200': json('Up', z.strictObject({ status: z.literal('ok'), timestamp: z.int() })),
  }),
  '/metrics': operations('/metrics', 'Prometheus metrics, by METRICS_TOKEN or the admin token as Bearer', {
    '200': { description: 'Metrics', content: { 'text/plain': { schema: z.string() } } },
  }),
};
