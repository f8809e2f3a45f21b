import { z } from 'zod';
import { found, notFound, validationError } from '../domain/errors.ts';
import { keyScopes } from '../domain/key-scopes.ts';
import {
  createKeyAs,
  createKeyBy,
  revokeKeyAs,
  revokeKeyBy,
  updateKeyAs,
  updateKeyBy,
} from '../operations/key-changes.ts';
import { listKeys, type ApiKey, type ApiKeyChanges, type ApiKeyInput } from '../program/api-keys.ts';
import { getProgram } from '../program/programs.ts';
import { text, timestamp } from '../http/fields.ts';
import {
  accesses,
  keyChanges,
  keyFields,
  mayDo,
  rateLimits,
  type KeyBody,
  type KeyChangesBody,
} from './key-schemas.ts';
import { dropAbsent } from './drop-absent.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';

const shown = {
  id: z.string(),
  name: z.string(),
  mode: z.enum(['live', 'test']),
  access: z
    .enum(accesses)
    .nullable()
    .meta({ description: `${mayDo}; null: what scopes says` }),
  scopes: z.array(z.enum(keyScopes)).meta({ description: 'All that it may do' }),
  display: z.string().meta({ description: 'The first characters of the key' }),
  rateLimits: rateLimits.nullable(),
  expiresAt: timestamp.nullable().meta({ description: 'It works until then; null: it has no end' }),
  allowedCidrs: z.array(z.string()).nullable().meta({ description: 'The networks that it works from; null: all' }),
  lastUsedAt: timestamp.nullable().meta({ description: 'To the minute; null: never' }),
  createdAt: timestamp,
};
const apiKeySchema = z.strictObject(shown).meta({ id: 'ApiKey' });
export type ApiKeyView = z.output<typeof apiKeySchema>;
const newApiKeySchema = z
  .strictObject({ ...shown, key: z.string().meta({ description: 'The plaintext: in this answer and nowhere else' }) })
  .meta({ id: 'NewApiKey' });
export type NewApiKeyView = z.output<typeof newApiKeySchema>;

const keyInput = z
  .strictObject({ name: text(), mode: z.enum(['live', 'test']), ...keyFields })
  .refine(({ access, scopes }) => (access === undefined) !== (scopes === undefined), {
    message: 'must be given (read, write or ingest), or scopes instead of it',
    path: ['access'],
  })
  .meta({ id: 'ApiKeyInput' });

const changesBody = keyChanges.meta({ id: 'ApiKeyChanges' });

const howSoon = 'It counts in all processes within 5 seconds.';

/** The same routes twice: for the admin, of any program; for a key that may, of its own. */
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
    handle: async ({ db, clock }, { params, body, actor }) =>
      madeView(await createKeyAs(db, actor, params.id, toInput(body, clock.now()))),
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
    method: 'patch',
    path: '/programs/:id/api-keys/:keyId',
    access: 'admin',
    tag: 'API keys',
    summary: 'Change a key of a program',
    description: `Never what it may do: make another for that. ${howSoon}`,
    body: changesBody,
    status: 200,
    answer: one(apiKeySchema),
    handle: async ({ db, clock }, { params, body, actor }) => {
      const changes = { ...toChanges(body, clock.now()), ...(body.rateLimits === undefined ? {} : { lentLimits: [] }) };
      return { data: apiKeyView(found(await updateKeyAs(db, actor, params.id, params.keyId, changes), 'API key')) };
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
    handle: async ({ db }, { params, actor }) => {
      if (!(await revokeKeyAs(db, actor, params.id, params.keyId))) throw notFound('API key');
    },
  }),
  defineRoute({
    method: 'post',
    path: '/api-keys',
    access: 'write',
    tag: 'API keys',
    summary: 'Create a key',
    description:
      'A live key makes keys of either mode, a test key test keys; at most with its own scopes, limits, time and networks.',
    body: keyInput,
    status: 201,
    answer: one(newApiKeySchema),
    handle: async ({ db, clock }, { principal, body, actor }) =>
      madeView(await createKeyBy(db, actor, principal, toInput(body, clock.now()))),
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
    method: 'patch',
    path: '/api-keys/:keyId',
    access: 'write',
    tag: 'API keys',
    summary: 'Change a key',
    description:
      `Never what it may do: make another for that. At most to the time, networks and limits of the key that asks, and only ` +
      `of a key with scopes that it has itself. ${howSoon} A test key changes test keys.`,
    body: changesBody,
    status: 200,
    answer: one(apiKeySchema),
    handle: async ({ db, clock }, { principal, params, body, actor }) => {
      const changed = await updateKeyBy(db, actor, principal, params.keyId, toChanges(body, clock.now()));
      return { data: apiKeyView(found(changed, 'API key')) };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/api-keys/:keyId',
    access: 'write',
    tag: 'API keys',
    summary: 'Revoke a key',
    description: `It stops working everywhere within 5 seconds. A test key revokes test keys.`,
    status: 204,
    answer: null,
    handle: async ({ db }, { principal, params, actor }) => {
      if (!(await revokeKeyBy(db, actor, principal, params.keyId))) throw notFound('API key');
    },
  }),
];

function toInput({ rateLimits: limits, ...rest }: KeyBody, now: Date): ApiKeyInput {
  return { ...rest, expiresAt: inFuture(rest.expiresAt, now), ...(limits ? { rateLimits: dropAbsent(limits) } : {}) };
}

function toChanges({ rateLimits: limits, ...rest }: KeyChangesBody, now: Date): Omit<ApiKeyChanges, 'lentLimits'> {
  return {
    ...rest,
    expiresAt: inFuture(rest.expiresAt, now),
    ...(limits === undefined ? {} : { rateLimits: limits && dropAbsent(limits) }),
  };
}

/** Who would end a key now revokes it. */
function inFuture(end: Date | null | undefined, now: Date): Date | null | undefined {
  if (!end || end > now) return end;
  throw validationError('expiresAt is not in the future', { expiresAt: 'must be in the future' });
}

async function list({ db }: ApiDeps, programId: string, query: { limit: number; cursor?: string | undefined }) {
  return toListBody('api-keys', await listKeys(db, programId, toPageRequest('api-keys', query)), apiKeyView);
}

function madeView({ apiKey, plaintext }: { apiKey: ApiKey; plaintext: string }) {
  return { data: { ...apiKeyView(apiKey), key: plaintext } };
}

function apiKeyView(apiKey: ApiKey) {
  const { programId: _, expiresAt, lastUsedAt, createdAt, ...key } = apiKey;
  return {
    ...key,
    expiresAt: expiresAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
  };
}
