import { inTransaction, type Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Actor } from '../../domain/actor.ts';
import { AppError, found } from '../../domain/errors.ts';
import type { Reach } from '../../domain/scope.ts';
import { recordChange } from '../../program/audited-changes.ts';
import { endpointNamed } from './audited-endpoint.ts';
import type { RotateSecret } from './endpoint-input.ts';
import { placeOf } from './endpoint-rows.ts';
import { getEndpoint, type Endpoint, type EndpointDeps } from './endpoints.ts';
import { makeSecret } from './signing-secret.ts';

/** Replaces the secret. Until the overlap is over the old one signs, too. Throws NOT_FOUND, CONFLICT. */
export async function rotateSecret(
  { db, secrets }: Pick<EndpointDeps, 'db' | 'secrets'>,
  reach: Reach,
  endpointId: string,
  { secret = makeSecret(), overlapHours = 24 }: RotateSecret,
  now: Date,
  actor: Actor,
): Promise<{ endpoint: Endpoint; secret: string; previousSecretExpiresAt: Date }> {
  const { kind } = await getEndpoint({ db, secrets }, reach, endpointId);
  if (kind === 'postback') throw new AppError('CONFLICT', 'A postback is not signed and has no secret');
  const previousSecretExpiresAt = new Date(now.getTime() + overlapHours * 3_600_000);
  const sealedSecret = await secrets.seal(secret, placeOf('secret', endpointId));
  for (let tries = 0; tries < MAX_ROTATIONS; tries += 1) {
    // What is sealed opens in its own column alone, so the former secret is sealed anew for the other.
    const former = await readSealedSecret(db, reach, endpointId);
    const opened = await secrets.open(former, placeOf('secret', endpointId));
    const previousSecret = await secrets.seal(opened, placeOf('previous_secret', endpointId));
    const replaced = { sealedSecret, previousSecret, previousSecretExpiresAt, endpointId, ...reach, former };
    if (await replaceSecret(db, replaced, actor)) break;
    if (tries === MAX_ROTATIONS - 1) throw new AppError('CONFLICT', 'The secret is being rotated by others');
  }
  return { endpoint: await getEndpoint({ db, secrets }, reach, endpointId), secret, previousSecretExpiresAt };
}

/** False where the secret is another one by now. */
function replaceSecret(
  db: Db,
  replaced: Reach & { endpointId: string; previousSecretExpiresAt: Date } & Record<string, unknown>,
  actor: Actor,
): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const [row] = await runSql<{ livemode: boolean }>(
      trx,
      'rotateSecret',
      `update webhook_endpoints
          set secret = :sealedSecret, previous_secret = :previousSecret,
            previous_secret_expires_at = :previousSecretExpiresAt, updated_at = now()
        where id = :endpointId and program_id = :programId and livemode = any(:modes::boolean[]) and secret = :former
        returning livemode`,
      replaced,
    );
    if (!row) return false;
    const { programId, endpointId, previousSecretExpiresAt } = replaced;
    await recordChange(
      trx,
      { programId, ...row },
      actor,
      endpointNamed(endpointId),
      {},
      { previousSecretExpiresAt },
      {
        action: 'secret_rotated',
        secrets: ['secret'],
      },
    );
    return true;
  });
}

/** Others may rotate at the same time; each takes over the secret of the one before. */
const MAX_ROTATIONS = 10;

async function readSealedSecret(db: Db, reach: Reach, endpointId: string): Promise<string> {
  const [row] = await runSql<{ secret: string }>(
    db,
    'readSealedSecret',
    `select secret from webhook_endpoints
     where id = :endpointId and program_id = :programId and livemode = any(:modes::boolean[]) and deleted_at is null`,
    { endpointId, ...reach },
  );
  return found(row, 'Webhook endpoint').secret;
}
