import { z } from 'zod';
import { changedFields } from '../domain/changed-fields.ts';
import { found, notFound, validationError } from '../domain/errors.ts';
import { assertMayChange, changeableBy } from '../program/principals.ts';
import { findPreset, listPresets, postbackUrlOf } from '../inbound/postback/presets.ts';
import { compileSettings } from '../inbound/postback/settings.ts';
import { requiredEvents as revenuecatEvents } from '../inbound/revenuecat/required-events.ts';
import { requiredEvents as stripeEvents } from '../inbound/stripe/required-events.ts';
import type { Refusal } from '../http/refusals.ts';
import { readSourceActivity } from '../inbound/inbox/inbox-counts.ts';
import { countRefusals } from '../inbound/refusals/rows.ts';
import { mayKnowId } from '../program/source-refs.ts';
import {
  getSource,
  listSources,
  openRevenuecatSecrets,
  postbackSettingsSchema,
  revenuecatSettingsSchema,
  type PostbackSettings,
  type RevenuecatSecrets,
  type Source,
  type SourceChanges,
  type SourceInput,
} from '../program/sources.ts';
import { createSourceAs, deleteSourceAs, updateSourceAs } from '../operations/source-changes.ts';
import { dropAbsent } from './drop-absent.ts';
import { listOf, one, pageQuery, toListBody, toPageRequest } from './pagination.ts';
import { defineRoute, type ApiDeps, type Route } from './route.ts';
import {
  type configuredSchema,
  fieldsOfKind,
  presetSchema,
  sourceChanges,
  sourceDetailSchema,
  sourceInput,
  sourceSchema,
  type SourceBody,
  type SourceChangesBody,
} from './source-schemas.ts';

const seenBy =
  'A key that may write sees the ids and URLs of sources (a test key those of test sources); to others the `ref` stands ' +
  'in place of the id, and the URLs are null.';

export const sourceRoutes: Route[] = [
  defineRoute({
    method: 'post',
    path: '/sources',
    access: 'write',
    tag: 'Sources',
    summary: 'Open a way in: Stripe, RevenueCat, or a tracker',
    body: sourceInput,
    status: 201,
    answer: one(sourceDetailSchema),
    handle: async (deps, { principal, livemode, body, actor }) => {
      assertMayChange(principal, body);
      const input = { livemode, ...toSourceInput(body) };
      const source = await createSourceAs(deps.db, deps.secrets, actor, principal.programId, input);
      return { data: await detailView(deps, source, mayKnowId(principal, source)) };
    },
  }),
  defineRoute({
    method: 'get',
    path: '/sources',
    access: 'read',
    tag: 'Sources',
    summary: 'List sources',
    description: seenBy,
    query: z.strictObject({ ...pageQuery, kind: z.enum(['stripe', 'revenuecat', 'postback']).optional() }),
    status: 200,
    answer: listOf(sourceSchema),
    handle: async (deps, { principal, reach, query }) => {
      const page = await listSources(deps.db, reach, query, toPageRequest('sources', query));
      const { activityOf } = await readLately(deps, principal.programId, page.items);
      const view = (source: Source) => ({
        ...sourceView(deps, source, mayKnowId(principal, source)),
        ...activityOf(source),
      });
      return toListBody('sources', page, view, ({ ref }) => ref);
    },
  }),
  defineRoute({
    method: 'get',
    path: '/sources/presets',
    access: 'read',
    tag: 'Sources',
    summary: 'List the tracker presets',
    status: 200,
    answer: z.strictObject({ data: z.array(presetSchema) }),
    handle: async ({ config }) => ({ data: listPresets(config.publicUrl) }),
  }),
  defineRoute({
    method: 'get',
    path: '/sources/:id',
    access: 'read',
    tag: 'Sources',
    summary: 'Get a source',
    description: `By id or ref. ${seenBy}`,
    status: 200,
    answer: one(sourceDetailSchema),
    handle: async (deps, { principal, reach, params }) => {
      const source = found(await getSource(deps.db, reach, params.id), 'Source');
      return { data: await detailView(deps, source, mayKnowId(principal, source)) };
    },
  }),
  defineRoute({
    method: 'patch',
    path: '/sources/:id',
    access: 'write',
    tag: 'Sources',
    summary: 'Change a source',
    description:
      'Fields of its own kind. `fields`, `statuses` and secrets replace what was there. ' +
      'A test key changes what is test; a live one takes it over by `{"livemode": true}`.',
    body: sourceChanges,
    status: 200,
    answer: one(sourceDetailSchema),
    handle: async (deps, { principal, reach, params, body, actor }) => {
      const source = found(await getSource(deps.db, reach, params.id), 'Source');
      assertMayChange(principal, source, body);
      const changes = await toSourceChanges(deps, source, body);
      const { db, secrets } = deps;
      const updated = await updateSourceAs(db, secrets, actor, changeableBy(principal), source.id, changes);
      const changed = found(updated, 'Source');
      return { data: await detailView(deps, changed, mayKnowId(principal, changed)) };
    },
  }),
  defineRoute({
    method: 'delete',
    path: '/sources/:id',
    access: 'write',
    tag: 'Sources',
    summary: 'Close a way in',
    description: 'What came by it stays.',
    status: 204,
    answer: null,
    handle: async ({ db }, { principal, reach, params, actor }) => {
      const source = found(await getSource(db, reach, params.id), 'Source');
      assertMayChange(principal, source);
      if (!(await deleteSourceAs(db, actor, changeableBy(principal), source.id))) throw notFound('Source');
    },
  }),
];

/** What a checked body asks for. Throws VALIDATION_ERROR where its parts do not fit together. */
export function toSourceInput(body: SourceBody): SourceInput {
  const { name, orderScope } = body;
  const common = { name, orderScope, ...(body.livemode === undefined ? {} : { livemode: body.livemode }) };
  switch (body.kind) {
    case 'stripe': {
      const { signingSecrets } = body;
      return { kind: 'stripe', ...common, settings: {}, secrets: { signingSecrets } };
    }
    case 'revenuecat': {
      const { amountBasis, campaignAsCoupon, stripeStores } = body;
      const settings = revenuecatSettingsSchema.parse({ amountBasis, campaignAsCoupon, stripeStores });
      const secrets = { authorization: body.authorization ?? null, hmacSecret: body.hmacSecret ?? null };
      return { kind: 'revenuecat', ...common, settings, secrets: requireOne(secrets) };
    }
    default: {
      const { kind: _kind, name: _name, orderScope: _scope, livemode: _livemode, ...given } = body;
      const response = given.response ?? findPreset(given.preset)?.response;
      return { kind: 'postback', ...common, settings: toPostbackSettings({ ...given, response }), secrets: null };
    }
  }
}

async function toSourceChanges(deps: ApiDeps, source: Source, body: SourceChangesBody): Promise<SourceChanges> {
  refuseFieldsOfOtherKinds(source, body);
  const { name, orderScope, livemode } = body;
  const common = { name, orderScope, livemode };
  switch (source.kind) {
    case 'stripe': {
      const { signingSecrets } = body;
      return { ...common, ...(signingSecrets ? { secrets: { signingSecrets } } : {}) };
    }
    case 'revenuecat': {
      const { amountBasis, campaignAsCoupon, stripeStores, authorization, hmacSecret } = body;
      const given = dropAbsent({ amountBasis, campaignAsCoupon, stripeStores });
      const settings = ifChanged(source, revenuecatSettingsSchema.parse({ ...source.settings, ...given }));
      if (authorization === undefined && hmacSecret === undefined) return { ...common, settings };
      const before = await openRevenuecatSecrets(deps.secrets, source);
      const secrets = requireOne({ ...before, ...dropAbsent({ authorization, hmacSecret }) });
      return { ...common, settings, secrets };
    }
    default: {
      const { name: _name, orderScope: _scope, livemode: _livemode, ...given } = body;
      const settings = toPostbackSettings({ ...source.settings, ...dropAbsent(given) });
      // The order scope of a source without a key follows from its settings.
      return { ...common, settings: orderScope === undefined ? ifChanged(source, settings) : settings };
    }
  }
}

/** Undefined where they are the source's own: it was not mended then, which decides what is read anew. */
function ifChanged<S extends Source['settings']>(source: Source, settings: S): S | undefined {
  return Object.keys(changedFields(settings, source.settings)).length > 0 ? settings : undefined;
}

/** Throws VALIDATION_ERROR where a field is renamed to one that does not exist. */
function toPostbackSettings(given: Record<string, unknown>): PostbackSettings {
  const settings = postbackSettingsSchema.parse(given);
  compileSettings(settings);
  return settings;
}

function requireOne(secrets: RevenuecatSecrets): RevenuecatSecrets {
  if (secrets.authorization !== null || secrets.hmacSecret !== null) return secrets;
  throw validationError('authorization or hmacSecret is required', {
    authorization: 'is required, or hmacSecret',
  });
}

function refuseFieldsOfOtherKinds({ kind }: Source, body: object): void {
  const foreign = Object.keys(body).filter((field) => !fieldsOfKind[kind].includes(field));
  if (foreign.length === 0) return;
  const message = `is not a field of a ${kind} source`;
  const details = Object.fromEntries(foreign.map((field) => [field, message]));
  throw validationError(`${foreign[0]} ${message}`, details);
}

/** A source as it is shown by itself. `knowsId`: to somebody who may know what opens it. */
export async function detailView(deps: Pick<ApiDeps, 'config' | 'db' | 'clock'>, source: Source, knowsId: boolean) {
  const { activityOf, refusalsOf } = await readLately(deps, source.programId, [source]);
  return {
    ...sourceView(deps, source, knowsId),
    ...activityOf(source),
    refusals24h: refusalsOf(source),
    requiredEvents: source.kind === 'stripe' ? stripeEvents : source.kind === 'revenuecat' ? revenuecatEvents : [],
  };
}

const LATELY_MS = 24 * 3_600_000;

/** What came by sources within a day, taken and turned away. */
async function readLately(
  { db, clock }: Pick<ApiDeps, 'db' | 'clock'>,
  programId: string,
  sources: readonly Source[],
): Promise<{
  activityOf: (source: Source) => {
    lastEventAt: string | null;
    events24h: number;
    failed24h: number;
    refused24h: number;
  };
  refusalsOf: (source: Source) => { reason: Refusal; count: number }[];
}> {
  const ids = sources.map(({ id }) => id);
  const since = new Date(clock.now().getTime() - LATELY_MS);
  const [activity, refusals] = await Promise.all([
    readSourceActivity(db, programId, ids, since),
    countRefusals(db, programId, ids, since),
  ]);
  const refusalsOf = ({ id }: Source): { reason: Refusal; count: number }[] => refusals.get(id) ?? [];
  return {
    activityOf: (source) => ({
      lastEventAt: activity.get(source.id)?.lastEventAt?.toISOString() ?? null,
      events24h: activity.get(source.id)?.events ?? 0,
      failed24h: activity.get(source.id)?.failed ?? 0,
      refused24h: refusalsOf(source).reduce((sum, { count }) => sum + count, 0),
    }),
    refusalsOf,
  };
}

/** What is configured of a source. */
export function sourceView(
  deps: Pick<ApiDeps, 'config'>,
  source: Source,
  knowsId: boolean,
): z.input<typeof configuredSchema> {
  const { id, ref, kind, name, orderScope, livemode, settings } = source;
  const createdAt = source.createdAt.toISOString();
  const urls = urlsOf(deps, source);
  return {
    id: knowsId ? id : ref,
    ref,
    kind,
    name,
    orderScope,
    livemode,
    ...settings,
    ...(knowsId ? urls : hidden(urls)),
    createdAt,
  };
}

function urlsOf({ config }: Pick<ApiDeps, 'config'>, source: Source): { url: string; postbackUrl?: string } {
  const { id, kind } = source;
  if (kind !== 'postback') return { url: `${config.publicUrl}/in/${kind}/${id}` };
  const { preset, requireKey } = source.settings;
  const postbackUrl = postbackUrlOf(config.publicUrl, id, preset, requireKey);
  return { url: `${config.publicUrl}/pb/${id}`, postbackUrl };
}

/** The same fields, of which each is unknown. */
function hidden<T extends object>(fields: T): { [K in keyof T]: null } {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, null])) as { [K in keyof T]: null };
}
