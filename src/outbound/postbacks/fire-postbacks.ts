import { createHash } from 'node:crypto';
import type { Db, Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { StoredRequest } from '../wire/lease.ts';
import type { MessageDraft } from '../events/message-draft.ts';
import {
  compileTarget,
  renderRequest,
  type CompiledTarget,
  type PostbackSubject,
  type PostbackTarget,
} from './postback-request.ts';

/** Where postbacks go: the program's own tracker, or one affiliate's. */
export interface PostbackEndpoint extends PostbackTarget {
  id: string;
  programId: string;
  /** False: it is never fired, since test conversions fire none. */
  livemode: boolean;
  /** Null: it is told of all affiliates' conversions. */
  affiliateId: string | null;
  /** Empty: all types about conversions. */
  eventTypes: string[];
  disabled: boolean;
}

export interface PostbackDelivery {
  programId: string;
  messageId: string;
  endpointId: string;
  status: 'pending' | 'held';
  request: StoredRequest;
}

/** A draft with the id of the message that was written for it. */
export interface WrittenDraft extends MessageDraft {
  messageId: string;
}

/** Whether events of this type are about a conversion. */
export function firesPostbacks(type: string): boolean {
  return /^(conversion|commission|lead)\./.test(type);
}

/** The affiliate whose postbacks a draft may fire; undefined where it is not about a conversion, or about a test. */
export function affiliateOfConversion(draft: MessageDraft): string | undefined {
  if (!draft.livemode || !firesPostbacks(draft.type)) return undefined;
  const { affiliateId } = draft.data as { affiliateId?: unknown };
  return typeof affiliateId === 'string' ? affiliateId : undefined;
}

/**
 * Renders the postbacks that these messages fire, from the conversions as this transaction leaves them. Each is
 * reserved in `postback_firings`, so that one conversion never fires the same request twice, whichever messages ask for
 * it.
 */
export async function firePostbacks(
  trx: Trx,
  drafts: readonly WrittenDraft[],
  endpoints: readonly PostbackEndpoint[],
): Promise<PostbackDelivery[]> {
  const matches = matchEndpoints(drafts, endpoints);
  if (matches.length === 0) return [];
  const subjects = await readSubjects(trx, [...new Set(matches.map((match) => match.conversionId))]);
  const firings = matches.flatMap((match) => {
    const subject = subjects.get(match.conversionId);
    return subject && mayFire(match.target, subject) ? [renderFiring(match, subject)] : [];
  });
  const fired = await reserveFirings(trx, firings);
  return fired.map(({ messageId, endpoint, request }) => ({
    programId: endpoint.programId,
    messageId,
    endpointId: endpoint.id,
    status: endpoint.disabled ? 'held' : 'pending',
    request,
  }));
}

/** A message and an endpoint that wants to be told of it. */
interface Match {
  messageId: string;
  conversionId: string;
  endpoint: PostbackEndpoint;
  target: CompiledTarget;
}

function matchEndpoints(drafts: readonly WrittenDraft[], endpoints: readonly PostbackEndpoint[]): Match[] {
  const targets = new Map(endpoints.map((endpoint) => [endpoint.id, compileTarget(endpoint)]));
  const matches: Match[] = [];
  for (const draft of drafts) {
    const affiliateId = affiliateOfConversion(draft);
    if (affiliateId === undefined) continue;
    for (const endpoint of endpoints) {
      if (endpoint.programId !== draft.programId || !endpoint.livemode) continue;
      if (endpoint.affiliateId !== null && endpoint.affiliateId !== affiliateId) continue;
      if (endpoint.eventTypes.length > 0 && !endpoint.eventTypes.includes(draft.type)) continue;
      const target = targets.get(endpoint.id);
      if (target) matches.push({ messageId: draft.messageId, conversionId: conversionIdOf(draft), endpoint, target });
    }
  }
  return matches;
}

function conversionIdOf({ type, data }: MessageDraft): string {
  const { id, conversionId } = data as { id: string; conversionId?: string };
  return type.startsWith('commission.') ? (conversionId ?? id) : id;
}

const earning = ['pending', 'approved', 'paid'];
const lost = ['rejected', 'reversed'];

/** A tracker reads a call without a status as a sale, so leads and losses go only to templates that name the status. */
function mayFire(
  { usesStatus, followsChanges }: CompiledTarget,
  { kind, status, affiliateId }: PostbackSubject,
): boolean {
  if (affiliateId === null || (kind === 'lead' && !usesStatus)) return false;
  return earning.includes(status) || (followsChanges && lost.includes(status));
}

interface Firing extends Match {
  request: StoredRequest;
  hash: Buffer;
  /** The template says nothing that changes: it is fired once. */
  once: boolean;
  /** It takes back what was fired before, so it is not sent to an endpoint that was never told of the conversion. */
  takesBack: boolean;
}

function renderFiring(match: Match, subject: PostbackSubject): Firing {
  const request = renderRequest(match.target, subject);
  return {
    ...match,
    request,
    hash: createHash('sha256')
      .update(JSON.stringify([request.method, request.url, request.body]))
      .digest(),
    once: !match.target.followsChanges,
    takesBack: lost.includes(subject.status),
  };
}

/** Those of `firings` that no transaction fired before. */
async function reserveFirings(trx: Trx, firings: readonly Firing[]): Promise<Firing[]> {
  if (firings.length === 0) return [];
  const rows = await runSql<{ position: number }>(
    trx,
    'reserveFirings',
    `with rendered as (
       select *
         from unnest(:conversionIds::text[], :hashes::bytea[], :endpointIds::text[], :programIds::text[],
                     :once::boolean[], :takesBack::boolean[])
         with ordinality as r (conversion_id, request_hash, endpoint_id, program_id, once, takes_back, position)
     ), allowed as (
       select distinct on (conversion_id, request_hash) r.*
         from rendered r
        where case when once or takes_back then
                (exists (select 1 from postback_firings f
                          where f.conversion_id = r.conversion_id and f.program_id = r.program_id
                            and f.endpoint_id = r.endpoint_id)) = takes_back
              else true end
        order by conversion_id, request_hash, position
     ), fired as (
       insert into postback_firings (program_id, conversion_id, request_hash, endpoint_id)
       select program_id, conversion_id, request_hash, endpoint_id from allowed
       on conflict do nothing
       returning conversion_id, request_hash
     )
     select position::int as position from allowed join fired using (conversion_id, request_hash) order by position`,
    {
      conversionIds: firings.map((firing) => firing.conversionId),
      hashes: firings.map((firing) => firing.hash),
      endpointIds: firings.map((firing) => firing.endpoint.id),
      programIds: firings.map((firing) => firing.endpoint.programId),
      once: firings.map((firing) => firing.once),
      takesBack: firings.map((firing) => firing.takesBack),
    },
  );
  return rows.map(({ position }) => firings[position - 1] as Firing);
}

/** Conversions as postbacks see them, by id. */
export async function readSubjects(db: Db, conversionIds: readonly string[]): Promise<Map<string, PostbackSubject>> {
  const rows = await runSql<PostbackSubject>(
    db,
    'readPostbackSubjects',
    `select o.program_id as "programId", o.id as "conversionId", o.kind, o.status, o.net_minor as "netMinor", o.currency,
            o.commission_minor as "commissionMinor", o.commission_currency as "commissionCurrency",
            o.affiliate_id as "affiliateId", o.offer_id as "offerId", o.click_id as "clickId", o.order_id as "orderId",
            o.goal, coalesce(o.occurred_at, o.created_at) as "occurredAt",
            array[coalesce(o.sub1, c.sub1), c.sub2, c.sub3, c.sub4, c.sub5] as subs
       from orders o left join clicks c on c.id = o.click_id and c.program_id = o.program_id
      where o.id = any (:conversionIds::text[])`,
    { conversionIds },
  );
  return new Map(rows.map((row) => [row.conversionId, row]));
}
