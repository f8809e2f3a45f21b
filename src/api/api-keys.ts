import { z } from 'zod';
import { found, notFound } from '../domain/errors.ts';
import {
  assertMayChange,
  createKey,
  createKeyBy,
  findKey,
  listKeys,
  revokeKey,
  type ApiKey,
} from '../program/api-keys.ts';
import { getProgram } from '../program/programs.ts';
import { text, timestamp } from '../http/fields.ts';
import { dropAbsent } from './drop-absent.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const perMinute = z.int().min(1).max(10_000_000).optional();
const rateLimits = z
  .strictObject({
    reads: perMinute.meta({ description: 'GET; default 600' }),
    writes: perMinute.meta({ description: 'Everything else; default 300' }),
    conversions: perMinute.meta({ description: 'Conversions, events, clicks and postbacks; default 60000' }),
  })
  .meta({ id: 'KeyRateLimits', description: 'Requests a minute' });

const accesses = ['read', 'write', 'ingest'] as const;
const ACCESS = 'ingest: posts conversions, events and postbacks, and reads nothing; for trackers';

const shown = {
  id: z.string(),
  name: z.string(),
  mode: z.enum(['live', 'test']),
  access: z.enum(accesses).meta({ description: ACCESS }),
  display: z.string().meta({ description: 'The first characters of the key' }),
  rateLimits: rateLimits.nullable(),
  createdAt: timestamp,
};
const apiKeySchema = z.strictObject(shown).meta({ id: 'ApiKey' });
const newApiKeySchema = z
  .strictObject({ ...shown, key: z.string().meta({ description: 'The plaintext: in this answer and nowhere else' }) })
  .meta({ id: 'NewApiKey' });

const keyInput = z
  .strictObject({
    name: text(),
    mode: z.enum(['live', 'test']),
    access: z.enum(accesses).meta({ description: ACCESS }),
    rateLimits: rateLimits.optional(),
  })
  .meta({ id: 'ApiKeyInput' });

/** The same three routes twice: for the admin, of any program; for a write key, of its own. */
export const apiKeyRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/programs/:id/api-keys',
    access: 'admin',
    tag: 'API keys',
    summary: 'Create a key of a program',
    body: keyInput,
    status: 201,
    answer: one(newApiKeySchema),
    handle: (deps, { params, body }) => create(deps, params.id, body),
  }),
  defineRoute({
    method: 'get',
    path: '/programs/:id/api-keys',
    access: 'admin',
    tag: 'API keys',
    summary: 'List the keys of a program',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: listOf(apiKeySchema),
    handle: async (deps, { params, query }) => {
      await getProgram(deps.db, params.id);
      return await list(deps, params.id, query);
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/programs/:id/api-keys/:keyId',
    access: 'admin',
    tag: 'API keys',
    summary: 'Revoke a key of a program',
    status: 204,
    answer: null,
    handle: (deps, { params }) => revoke(deps, params.id, params.keyId),
  }),
  defineRoute({
    method: 'post',
    path: '/api-keys',
    access: 'write',
    tag: 'API keys',
    summary: 'Create a key',
    description: 'A live key makes keys of either mode, a test key test keys; at most with its own access and limits.',
    body: keyInput,
    status: 201,
    answer: one(newApiKeySchema),
    handle: async ({ db }, { principal, body }) => {
      const { rateLimits: limits, ...rest } = body;
      const input = { ...rest, ...(limits ? { rateLimits: dropAbsent(limits) } : {}) };
      return madeView(await createKeyBy(db, principal, input));
    },
  }),
  defineRoute({
    method: 'get',
    path: '/api-keys',
    access: 'write',
    tag: 'API keys',
    summary: 'List keys',
    query: z.strictObject(pageQuery),
    status: 200,
    answer: listOf(apiKeySchema),
    handle: (deps, { principal, query }) => list(deps, principal.programId, query),
  }),
  defineRoute({
    method: 'delete',
    path: '/api-keys/:keyId',
    access: 'write',
    tag: 'API keys',
    summary: 'Revoke a key',
    description: 'It stops working everywhere within 5 seconds. A test key revokes test keys.',
    status: 204,
    answer: null,
    handle: async (deps, { principal, params }) => {
      const { programId } = principal;
      const key = found(await findKey(deps.db, programId, params.keyId), 'API key');
      assertMayChange(principal, { livemode: key.mode === 'live' });
      await revoke(deps, programId, key.id);
    },
  }),
];

async function create({ db }: ApiDeps, programId: string, input: z.output<typeof keyInput>) {
  const { rateLimits: limits, ...rest } = input;
  const given = { ...rest, ...(limits ? { rateLimits: dropAbsent(limits) } : {}) };
  return madeView(await createKey(db, programId, given));
}

async function list({ db }: ApiDeps, programId: string, query: { limit: number; cursor?: string | undefined }) {
  return toListBody('api-keys', await listKeys(db, programId, toPageRequest('api-keys', query)), apiKeyView);
}

async function revoke({ db }: ApiDeps, programId: string, keyId: string): Promise<undefined> {
  if (!(await revokeKey(db, programId, keyId))) throw notFound('API key');
}

function madeView({ apiKey, plaintext }: { apiKey: ApiKey; plaintext: string }) {
  return { data: { ...apiKeyView(apiKey), key: plaintext } };
}

function apiKeyView({ id, name, mode, access, display, rateLimits: limits, createdAt }: ApiKey) {
  return { id, name, mode, access, display, rateLimits: limits, createdAt: createdAt.toISOString() };
}
