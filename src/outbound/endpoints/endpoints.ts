import { inTransaction, type Db } from '../../db/db.ts';
import { lockRow } from '../../db/lock-row.ts';
import type { SecretBox } from '../../db/secret-box.ts';
import { insertList, selectList, updateList, type Columns } from '../../db/columns.ts';
import { runSql } from '../../db/sql.ts';
import type { Actor } from '../../domain/actor.ts';
import { AppError, found } from '../../domain/errors.ts';
import { newId } from '../../domain/ids.ts';
import { namedBy, type Reach, type Scope } from '../../domain/scope.ts';
import { recordChange } from '../../program/audited-changes.ts';
import { conditionOf } from '../../db/conditions.ts';
import { findForeignKeyViolation } from '../../db/pg-errors.ts';
import { selectPage, type Page, type PageRequest } from '../../db/page.ts';
import type { AddressGuard } from '../guard/address-guard.ts';
import { auditedFields, endpointNamed } from './audited-endpoint.ts';
import { assertKindFits, assertNotManaged, assertUrlAllowed, findAffiliateId } from './endpoint-checks.ts';
import type { EndpointCreate, EndpointUpdate } from './endpoint-input.ts';
import { endpointColumns, placeOf, type EndpointRow } from './endpoint-rows.ts';
import { makeSecret } from './signing-secret.ts';

export interface EndpointDeps {
  db: Db;
  secrets: SecretBox;
  guard: AddressGuard;
}

/** An endpoint with its owner's headers, decrypted. */
export interface Endpoint extends EndpointRow {
  headers: Record<string, string>;
}

export type NewEndpoint = Omit<EndpointCreate, 'kind'> & { kind: EndpointRow['kind'] };

/**
 * Throws VALIDATION_ERROR (`url`, `affiliateId`, …). The secret is returned here and never again; a postback has none.
 */
export async function createEndpoint(
  { db, secrets, guard }: EndpointDeps,
  scope: Scope,
  input: NewEndpoint,
  actor: Actor,
): Promise<{ endpoint: Endpoint; secret: string | null }> {
  const bodyTemplate = input.bodyTemplate ?? null;
  const method = input.method ?? (input.kind === 'postback' && bodyTemplate === null ? 'GET' : 'POST');
  assertKindFits(input.kind, { ...input, method, bodyTemplate });
  await assertUrlAllowed(guard, input.kind, input.url);
  const affiliateId = input.affiliateId ? await findAffiliateId(db, scope, input.affiliateId) : null;
  const secret = input.kind === 'postback' ? null : (input.secret ?? makeSecret());
  const id = newId('whe');
  const row = {
    id,
    ...scope,
    kind: input.kind,
    url: input.url,
    method,
    bodyTemplate,
    affiliateId,
    eventTypes: input.eventTypes ?? [],
    description: input.description ?? null,
    sealedHeaders: await sealHeaders(secrets, id, input.headers),
    rateLimitPerSecond: input.rateLimitPerSecond ?? null,
    sealedSecret: secret === null ? null : await secrets.seal(secret, placeOf('secret', id)),
    disabled: input.disabled ?? false,
  };
  return inTransaction(db, async (trx) => {
    await runSql(trx, 'createEndpoint', `insert into webhook_endpoints ${inserted}`, row);
    const endpoint = await getEndpoint({ db: trx, secrets }, namedBy(scope), id);
    await recordChange(trx, scope, actor, endpointNamed(id), null, auditedFields(endpoint));
    return { endpoint, secret };
  });
}

/** Throws NOT_FOUND where there is no such endpoint in reach, or it was deleted. */
export async function getEndpoint(
  { db, secrets }: Pick<EndpointDeps, 'db' | 'secrets'>,
  { programId, modes }: Reach,
  endpointId: string,
): Promise<Endpoint> {
  const [row] = await runSql<StoredEndpoint>(
    db,
    'getEndpoint',
    `${selectStored} where id = :endpointId and program_id = :programId and deleted_at is null
       and livemode = any(:modes::boolean[])`,
    { endpointId, programId, modes },
  );
  return openHeaders(secrets, found(row, 'Webhook endpoint'));
}

export interface EndpointFilter {
  /** Exactly this URL: how n8n asks whether it is subscribed already. */
  url?: string | undefined;
  kind?: EndpointRow['kind'] | undefined;
  affiliateId?: string | undefined;
}

/** Newest first. Endpoints that mirror an affiliate's postbackUrl are listed only where that affiliate is asked for. */
export async function listEndpoints(
  { db, secrets }: Pick<EndpointDeps, 'db' | 'secrets'>,
  { programId, modes }: Reach,
  filter: EndpointFilter,
  page: PageRequest,
): Promise<Page<Endpoint>> {
  const list = { name: 'listEndpoints', select: selectStored, id: 'id' };
  const conditions = [
    ...conditionOf('program_id = :programId and deleted_at is null', programId),
    ...conditionOf('livemode = any(:modes::boolean[])', modes),
    ...(filter.affiliateId === undefined ? [{ sql: 'not managed', bindings: {} }] : []),
    ...conditionOf('url = :url', filter.url),
    ...conditionOf('kind = :kind', filter.kind),
    ...conditionOf('affiliate_id = :affiliateId', filter.affiliateId),
  ];
  const { items, hasMore } = await selectPage<StoredEndpoint>(db, list, conditions, page);
  return { items: await Promise.all(items.map((row) => openHeaders(secrets, row))), hasMore };
}

/**
 * Changes what is given. Enabling it, or giving it another URL, clears its failures. Throws NOT_FOUND, VALIDATION_ERROR, and
 * CONFLICT where an endpoint that is taken over is about a test affiliate.
 */
export async function updateEndpoint(
  { db, secrets, guard }: EndpointDeps,
  reach: Reach,
  endpointId: string,
  changes: EndpointUpdate,
  actor: Actor,
): Promise<Endpoint> {
  const before = await getEndpoint({ db, secrets }, reach, endpointId);
  assertKindFits(before.kind, { method: before.method, bodyTemplate: before.bodyTemplate, ...changes });
  if (changes.url !== undefined && changes.url !== before.url) {
    assertNotManaged(before);
    await assertUrlAllowed(guard, before.kind, changes.url);
  }
  const enabled = changes.disabled === false;
  const startsOver = enabled || (changes.url !== undefined && changes.url !== before.url);
  const disables = changes.disabled === true && before.disabledAt === null;
  const update = updateList(columns, {
    livemode: changes.livemode,
    url: changes.url,
    eventTypes: changes.eventTypes,
    description: changes.description,
    sealedHeaders: changes.headers === undefined ? undefined : await sealHeaders(secrets, endpointId, changes.headers),
    rateLimitPerSecond: changes.rateLimitPerSecond,
    method: changes.method,
    bodyTemplate: changes.bodyTemplate,
    ...(startsOver ? { failingSince: null, failures: 0, pausedUntil: null } : {}),
    ...(enabled ? { disabledAt: null, disabledReason: null } : {}),
    ...(disables ? { disabledAt: new Date(), disabledReason: 'manual' } : {}),
  });
  try {
    return await inTransaction(db, async (trx) => {
      await lockRow(trx, 'webhook_endpoints', reach.programId, endpointId);
      const was = await getEndpoint({ db: trx, secrets }, reach, endpointId);
      await runSql(
        trx,
        'updateEndpoint',
        `update webhook_endpoints set ${update.sql}, updated_at = ${update.updatedAt}
          where id = :endpointId and program_id = :programId and livemode = any(:modes::boolean[])`,
        { ...update.bindings, endpointId, ...reach },
      );
      const is = await getEndpoint({ db: trx, secrets }, reach, endpointId);
      const others = JSON.stringify(was.headers) !== JSON.stringify(is.headers);
      await recordChange(trx, is, actor, endpointNamed(endpointId), auditedFields(was), auditedFields(is), {
        secrets: others ? ['headers'] : [],
      });
      return is;
    });
  } catch (error) {
    if (findForeignKeyViolation(error) === null) throw error;
    throw new AppError('CONFLICT', 'The endpoint is about a test affiliate: take that over first', {
      details: { livemode: 'cannot be true while the affiliate is a test affiliate' },
      cause: error,
    });
  }
}

/**
 * Deletes an endpoint. Attempts under way finish and are recorded; the next sweep cancels what is pending. False where
 * there was none in reach.
 */
export function deleteEndpoint(
  db: Db,
  { programId, modes }: Reach,
  endpointId: string,
  actor: Actor,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const [deleted] = await runSql<EndpointRow>(
      trx,
      'deleteEndpoint',
      `update webhook_endpoints set deleted_at = now(), updated_at = now()
        where id = :endpointId and program_id = :programId and deleted_at is null and livemode = any(:modes::boolean[])
       returning ${selectList(endpointColumns)}`,
      { endpointId, programId, modes },
    );
    if (!deleted) return false;
    assertNotManaged(deleted);
    await recordChange(trx, deleted, actor, endpointNamed(endpointId), auditedFields(deleted), null);
    return true;
  });
}

interface StoredEndpoint extends EndpointRow {
  sealedHeaders: string | null;
}

const storedColumns: Columns<keyof StoredEndpoint> = { ...endpointColumns, sealedHeaders: 'headers' };
const columns = { ...storedColumns, sealedSecret: 'secret', failures: 'failures', pausedUntil: 'paused_until' };
const selectStored = `select ${selectList(storedColumns)} from webhook_endpoints`;
const inserted = insertList(columns, ['managed', 'failingSince', 'failures', 'pausedUntil', 'createdAt', 'updatedAt'], {
  disabledAt: 'case when :disabled then now() end',
  disabledReason: `case when :disabled then 'manual' end`,
});

async function openHeaders(secrets: SecretBox, { sealedHeaders, ...row }: StoredEndpoint): Promise<Endpoint> {
  const headers =
    sealedHeaders === null
      ? {}
      : (JSON.parse(await secrets.open(sealedHeaders, placeOf('headers', row.id))) as Endpoint['headers']);
  return { ...row, headers };
}

async function sealHeaders(
  secrets: SecretBox,
  endpointId: string,
  headers: Record<string, string> | null | undefined,
): Promise<string | null> {
  return headers && Object.keys(headers).length > 0
    ? secrets.seal(JSON.stringify(headers), placeOf('headers', endpointId))
    : null;
}
