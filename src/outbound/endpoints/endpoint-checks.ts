import type { Db } from '../../db/db.ts';
import { AppError, validationError } from '../../domain/errors.ts';
import { namedBy, type Scope } from '../../domain/scope.ts';
import { findAffiliate } from '../../program/affiliates.ts';
import type { AddressGuard } from '../guard/address-guard.ts';
import { firesPostbacks } from '../postbacks/fire-postbacks.ts';
import { assertBodyTemplate, findPostbackUrlProblem } from '../postbacks/postback-check.ts';
import type { EndpointRow } from './endpoint-rows.ts';

interface KindFields {
  method?: 'GET' | 'POST' | undefined;
  bodyTemplate?: string | null | undefined;
  affiliateId?: string | null | undefined;
  secret?: string | undefined;
  eventTypes?: readonly string[] | undefined;
}

/** Throws VALIDATION_ERROR for what a kind of endpoint has not: a postback no secret, a webhook no template. */
export function assertKindFits(kind: EndpointRow['kind'], fields: KindFields): void {
  if (kind === 'postback') assertPostbackFits(fields);
  else assertWebhookFits(fields);
}

function assertPostbackFits({ method, bodyTemplate, secret, eventTypes = [] }: KindFields): void {
  if (secret !== undefined) throw validationError('A postback is not signed', { secret: 'is for webhooks only' });
  const other = eventTypes.find((type) => !firesPostbacks(type));
  if (other !== undefined) {
    const problem = `has '${other}', which fires no postback: only lead, conversion and commission events do`;
    throw validationError(`eventTypes ${problem}`, { eventTypes: problem });
  }
  if (typeof bodyTemplate !== 'string') return;
  assertBodyTemplate(method, bodyTemplate);
}

function assertWebhookFits({ method, bodyTemplate, affiliateId }: KindFields): void {
  const details: Record<string, string> = {};
  if (method === 'GET') details.method = "must be POST but for kind 'postback'";
  if (typeof bodyTemplate === 'string') details.bodyTemplate = "is for kind 'postback' only";
  if (typeof affiliateId === 'string') details.affiliateId = "is for kind 'postback' only";
  if (Object.keys(details).length > 0) throw validationError('A webhook is a signed POST of the event', details);
}

/** Throws VALIDATION_ERROR where nothing may be sent there. */
export async function assertUrlAllowed(guard: AddressGuard, kind: EndpointRow['kind'], url: string): Promise<void> {
  const problem = kind === 'postback' ? await findPostbackUrlProblem(guard, url) : await findUrlProblem(guard, url);
  if (problem) throw validationError(`url ${problem}`, { url: problem });
}

async function findUrlProblem(guard: AddressGuard, url: string): Promise<string | null> {
  const check = await guard.checkDestination(url);
  return check.ok ? null : check.problem;
}

/** Throws VALIDATION_ERROR where the id or code is no affiliate's. */
export async function findAffiliateId(db: Db, scope: Scope, idOrCode: string): Promise<string> {
  const affiliate = await findAffiliate(db, namedBy(scope), idOrCode);
  if (!affiliate) throw validationError('Affiliate not found', { affiliateId: 'is no affiliate of this program' });
  return affiliate.id;
}

/** Throws CONFLICT for an endpoint that is an affiliate's postbackUrl. */
export function assertNotManaged({ managed }: Pick<EndpointRow, 'managed'>): void {
  if (managed) throw new AppError('CONFLICT', "This endpoint mirrors the affiliate's postbackUrl: change that instead");
}
