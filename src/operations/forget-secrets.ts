import { randomBytes } from 'node:crypto';
import { inTransaction, type Db, type Trx } from '../db/db.ts';
import { listLostSecrets, type LostSecret } from '../db/sealed-columns.ts';
import { commandLine } from '../domain/actor.ts';
import { recordChange } from '../program/audited-changes.ts';
import type { SealedPlace, SecretBox } from '../db/secret-box.ts';
import { runSql } from '../db/sql.ts';
import { makeSecret } from '../outbound/endpoints/signing-secret.ts';

/** What somebody has to give a source or an endpoint again. */
export interface ForgottenSecret {
  of: 'source' | 'webhook endpoint';
  id: string;
  programId: string;
  /** As people called it; null where they did not. */
  name: string | null;
  what: 'signing secret' | 'authorization' | 'headers';
  /** The call by which it gets a new one. */
  next: string;
}

/**
 * Replaces each secret that no key of ours opens by one that nobody knows, so that the hub works again: senders are refused, and
 * send again, until the source has their secret; subscribers cannot verify until they have the endpoint's new one. Headers
 * of endpoints are left out. With `dryRun` nothing is changed. Gives what has to be set again, deleted sources and endpoints aside.
 */
export function forgetLostSecrets(
  db: Db,
  secrets: SecretBox,
  { dryRun }: { dryRun: boolean },
): Promise<ForgottenSecret[]> {
  return inTransaction(db, async (trx) => {
    const forgotten: ForgottenSecret[] = [];
    for (const lost of await listLostSecrets(trx, secrets)) {
      const owner = await readOwner(trx, lost);
      if (!dryRun) await replace(trx, secrets, lost, owner);
      const told = describe(lost, owner);
      if (told && !owner.deleted) forgotten.push(told);
    }
    return forgotten;
  });
}

interface Owner {
  programId: string;
  livemode: boolean;
  /** By which the audit log names it. */
  shownId: string;
  name: string | null;
  kind: string;
  deleted: boolean;
}

async function readOwner(trx: Trx, { table, id }: LostSecret): Promise<Owner> {
  const [owner] = await runSql<Owner>(
    trx,
    'readOwnerOfSecret',
    `select program_id as "programId", livemode, ${table === 'sources' ? 'ref' : 'id'} as "shownId", ${table === 'sources' ? 'name' : 'coalesce(description, url)'} as name, kind,
       deleted_at is not null as deleted
     from ${table} where id = :id for update`,
    { id },
  );
  if (!owner) throw new Error(`${id} was deleted meanwhile. Run it again`);
  return owner;
}

async function replace(trx: Trx, secrets: SecretBox, { table, column, id }: LostSecret, owner: Owner): Promise<void> {
  const place: SealedPlace = { table, column, row: [id] };
  const value = column === 'secrets' ? unknownSecretsOf(owner.kind) : column === 'secret' ? makeSecret() : null;
  await runSql(trx, 'replaceLostSecret', `update ${table} set ${column} = :sealed where id = :id`, {
    id,
    sealed: value === null ? null : await secrets.seal(value, place),
  });
  const object = { type: table === 'sources' ? 'source' : 'webhook_endpoint', id: owner.shownId };
  await recordChange(trx, owner, commandLine, object, {}, {}, { action: 'secret_replaced', secrets: [column] });
}

/** In the form of program/sources.ts. */
function unknownSecretsOf(kind: string): string {
  const unknown = `whsec_${randomBytes(32).toString('base64url')}`;
  return JSON.stringify(
    kind === 'stripe' ? { signingSecrets: [unknown] } : { authorization: unknown, hmacSecret: null },
  );
}

function describe({ table, column, id }: LostSecret, { programId, name, kind }: Owner): ForgottenSecret | null {
  const path = `${table === 'sources' ? '/api/v1/sources' : '/api/v1/webhook-endpoints'}/${id}`;
  const told = { id, programId, name };
  if (table === 'sources') {
    const [what, body] =
      kind === 'stripe'
        ? (['signing secret', '{"signingSecrets":["whsec_…"]}'] as const)
        : (['authorization', '{"authorization":"…"}'] as const);
    return { of: 'source', ...told, what, next: `PATCH ${path} ${body}` };
  }
  if (column === 'secret') {
    return { of: 'webhook endpoint', ...told, what: 'signing secret', next: `POST ${path}/rotate-secret` };
  }
  if (column === 'headers') {
    return { of: 'webhook endpoint', ...told, what: 'headers', next: `PATCH ${path} {"headers":{…}}` };
  }
  return null; // The previous secret of a rotation: the new one stands beside it.
}
