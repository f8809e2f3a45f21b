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

/** A place that hears of conversions by a URL of its own making: the program's, or one affiliate's. */
export interface PostbackEndpoint extends PostbackTarget {
  id: string;
  programId: string;
  /** Null: it hears of all affiliates' conversions. */
  affiliateId: string | null;
  /** Empty: all that concern conversions. */
  eventTypes: string[];
  disabled: boolean;
}

export interface PostbackDelivery {
  messageId: string;
  endpointId: string;
  status: 'pending' | 'held';
  request: StoredRequest;
}

/** A draft as it was written, with the id of its message. */
export interface WrittenDraft extends MessageDraft {
  messageId: string;
}

/** Whether events of this type are about a conversion. */
export function firesPostbacks(type: string): boolean {
  return /^(conversion|commission|lead)\./.test(type);
}

/** The affiliate whose postbacks a draft may fire; undefined where it is about no conversion, or about a test. */
export function affiliateOfConversion(draft: MessageDraft): string | undefined {
  if (!draft.livemode || !firesPostbacks(draft.type)) return undefined;
  const { affiliateId } = draft.data as { affiliateId?: unknown };
  return typeof affiliateId === 'string' ? affiliateId : undefined;
}

/**
 * Renders the postbacks that these messages fire and claims each, so that one conversion never fires the same request
 * twice, whoever asks for it. What is rendered is the conversion as this transaction leaves it.
 */
export async function firePostbacks(
  trx: Trx,
  drafts: readonly WrittenDraft[],
  endpoints: readonly PostbackEndpoint[],
): Promise<PostbackDelivery[]> {
  const wishes = matchEndpoints(drafts, endpoints);
  if (wishes.length === 0) return [];
  const subjects = await readSubjects(trx, [...new Set(wishes.map((wish) => wish.conversionId))]);
  const shots = wishes.flatMap((wish) => {
    const subject = subjects.get(wish.conversionId);
    return subject && mayFire(wish.target, subject) ? [aim(wish, subject)] : [];
  });
  const fired = await claimFirings(trx, shots);
  return fired.map(({ messageId, endpoint, request }) => ({
    messageId,
    endpointId: endpoint.id,
    status: endpoint.disabled ? 'held' : 'pending',
    request,
  }));
}

interface Wish {
  messageId: string;
  conversionId: string;
  endpoint: PostbackEndpoint;
  target: CompiledTarget;
}

function matchEndpoints(drafts: readonly WrittenDraft[], endpoints: readonly PostbackEndpoint[]): Wish[] {
  const targets = new Map(endpoints.map((endpoint) => [endpoint.id, compileTarget(endpoint)]));
  const wishes: Wish[] = [];
  for (const draft of drafts) {
    const affiliateId = affiliateOfConversion(draft);
    if (affiliateId === undefined) continue;
    for (const endpoint of endpoints) {
      if (endpoint.programId !== draft.programId) continue;
      if (endpoint.affiliateId !== null && endpoint.affiliateId !== affiliateId) continue;
      if (endpoint.eventTypes.length > 0 && !endpoint.eventTypes.includes(draft.type)) continue;
      const target = targets.get(endpoint.id);
      if (target) wishes.push({ messageId: draft.messageId, conversionId: conversionIdOf(draft), endpoint, target });
    }
  }
  return wishes;
}

function conversionIdOf({ type, data }: MessageDraft): string {
  const { id, conversionId } = data as { id: string; conversionId?: string };
  return type.startsWith('commission.') ? (conversionId ?? id) : id;
}

const earning = ['pending', 'approved', 'paid'];
const lost = ['rejected', 'reversed'];

/** A tracker takes a call without a status for a sale, so leads and losses are told only to who asks for the status. */
function mayFire(
  { usesStatus, followsChanges }: CompiledTarget,
  { kind, status, affiliateId }: PostbackSubject,
): boolean {
  if (affiliateId === null || (kind === 'lead' && !usesStatus)) return false;
  return earning.includes(status) || (followsChanges && lost.includes(status));
}

interface Shot extends Wish {
  request: StoredRequest;
  hash: Buffer;
  /** The template says nothing that changes: it is fired once. */
  once: boolean;
  /** Takes back what was fired before, and says nothing to those who never heard of it. */
  takesBack: boolean;
}

function aim(wish: Wish, subject: PostbackSubject): Shot {
  const request = renderRequest(wish.target, subject);
  return {
    ...wish,
    request,
    hash: createHash('sha256')
      .update(JSON.stringify([request.method, request.url, request.body]))
      .digest(),
    once: !wish.target.followsChanges,
    takesBack: lost.includes(subject.status),
  };
}

async function claimFirings(trx: Trx, shots: readonly Shot[]): Promise<Shot[]> {
  if (shots.length === 0) return [];
  const rows = await runSql<{ place: number }>(
    trx,
    'reserveFirings',
    `with shot as (
       select * from unnest(:conversionIds::text[], :hashes::bytea[], :endpointIds::text[], :once::boolean[], :takesBack::boolean[])
         with ordinality as s (conversion_id, request_hash, endpoint_id, once, takes_back, place)
     ), allowed as (
       select distinct on (conversion_id, request_hash) s.*
         from shot s
        where case when once or takes_back then
                (exists (select 1 from postback_firings f
                          where f.conversion_id = s.conversion_id and f.endpoint_id = s.endpoint_id)) = takes_back
              else true end
        order by conversion_id, request_hash, place
     ), fired as (
       insert into postback_firings (conversion_id, request_hash, endpoint_id)
       select conversion_id, request_hash, endpoint_id from allowed
       on conflict do nothing
       returning conversion_id, request_hash
     )
     select place::int as place from allowed join fired using (conversion_id, request_hash) order by place`,
    {
      conversionIds: shots.map((shot) => shot.conversionId),
      hashes: shots.map((shot) => shot.hash),
      endpointIds: shots.map((shot) => shot.endpoint.id),
      once: shots.map((shot) => shot.once),
      takesBack: shots.map((shot) => shot.takesBack),
    },
  );
  return rows.map(({ place }) => shots[place - 1] as Shot);
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
