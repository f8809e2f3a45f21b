import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import { endpointFields, type EndpointRow } from '../endpoints/destination-rows.ts';
import { WORKER_LOCKS } from '../../queue/channels.ts';
import type { Leased } from '../messages/leased.ts';
import type { DeliveryKey } from '../wire/delivery-id.ts';
import { LEASE_MS, type Lease } from '../wire/lease.ts';
import { BREAKER_THRESHOLD } from '../wire/schedule.ts';

/** How many more deliveries of an endpoint there is room for. */
export interface Room {
  endpointId: string;
  room: number;
}

/**
 * Leases due deliveries, oldest first, at most `room` of each endpoint; senders that race for them get different ones.
 * Endpoints that are disabled, deleted or paused give none; one that the breaker lets try again gives one; one that is
 * throttled gives a second's worth. The statement does not wait for its commit to reach the disk: a lease that a crash
 * of the database undoes can be given again.
 */
export function leaseDue(db: Db, rooms: readonly Room[], now: Date, holder: number | null): Promise<Leased> {
  return leaseSelected(
    db,
    'leaseDue',
    `select d.message_id, d.endpoint_id
       from unnest(:endpointIds::text[], :rooms::int[]) as r (endpoint_id, room)
       join webhook_endpoints e on e.id = r.endpoint_id
      cross join lateral (
        select message_id, endpoint_id from deliveries
         where endpoint_id = r.endpoint_id and status = 'pending' and next_attempt_at <= :now
           and (locked_until is null or locked_until <= :now)
         order by next_attempt_at
         limit case when e.failures >= :breakerThreshold then 1 else least(r.room, e.rate_limit_per_second) end
         for update skip locked
      ) d
      where e.disabled_at is null and e.deleted_at is null and (e.paused_until is null or e.paused_until <= :now)
        and set_config('synchronous_commit', 'off', true) is not null`,
    {
      endpointIds: rooms.map((room) => room.endpointId),
      rooms: rooms.map((room) => room.room),
      breakerThreshold: BREAKER_THRESHOLD,
    },
    now,
    holder,
  );
}

/** Leases these deliveries whatever the endpoint's room or pause: a person asked for them. */
export function leaseUrgent(db: Db, keys: readonly DeliveryKey[], now: Date, holder: number | null): Promise<Leased> {
  return leaseSelected(
    db,
    'leaseUrgent',
    `select d.message_id, d.endpoint_id
       from unnest(:messageIds::text[], :endpointIds::text[]) as u (message_id, endpoint_id)
       join deliveries d using (message_id, endpoint_id)
       join webhook_endpoints e on e.id = d.endpoint_id
      where d.status = 'pending' and d.next_attempt_at <= :now
        and (d.locked_until is null or d.locked_until <= :now) and e.disabled_at is null and e.deleted_at is null
        for update of d skip locked`,
    { messageIds: keys.map((key) => key.messageId), endpointIds: keys.map((key) => key.endpointId) },
    now,
    holder,
  );
}

async function leaseSelected(
  db: Db,
  name: string,
  select: string,
  selectBindings: object,
  now: Date,
  holder: number | null,
): Promise<Leased> {
  const lockedUntil = new Date(now.getTime() + LEASE_MS);
  const rows = await runSql<Omit<Lease, 'lockedUntil'> & { endpoint: EndpointRow | null }>(
    db,
    name,
    `with due as (
       ${select}
     ), leased as (
       update deliveries d set locked_until = :lockedUntil, locked_by = :holder::integer
         from due, messages m, webhook_endpoints e
        where d.message_id = due.message_id and d.endpoint_id = due.endpoint_id and m.id = d.message_id
          and m.program_id = d.program_id and e.id = d.endpoint_id
       returning d.program_id, d.message_id, d.endpoint_id, d.trigger, d.step, d.attempts, m.body, d.request,
                 e.livemode and not m.livemode as aside
     )
     select l.program_id as "programId", l.message_id as "messageId", l.endpoint_id as "endpointId", l.trigger, l.step,
            l.attempts, l.body, l.request, l.aside, e.endpoint
       from (select *, row_number() over (partition by endpoint_id) as nth from leased) l
       left join lateral (
         select json_build_object(${endpointFields}) as endpoint from webhook_endpoints where id = l.endpoint_id and l.nth = 1
       ) e on true`,
    { ...selectBindings, now, lockedUntil, holder },
  );
  const endpoints = rows.flatMap(({ endpoint }) => endpoint ?? []);
  return { leases: rows.map((row) => ({ ...row, lockedUntil })), endpoints };
}

/** Ends leases of deliveries that were not sent, so that others may lease them at once. */
export async function releaseLeases(db: Db, leases: readonly Lease[]): Promise<void> {
  if (leases.length === 0) return;
  await runSql(
    db,
    'releaseLeases',
    `update deliveries d set locked_until = null
       from unnest(:messageIds::text[], :endpointIds::text[], :lockedUntils::timestamptz[])
              as l (message_id, endpoint_id, locked_until)
      where d.message_id = l.message_id and d.endpoint_id = l.endpoint_id and d.locked_until = l.locked_until`,
    {
      messageIds: leases.map((lease) => lease.messageId),
      endpointIds: leases.map((lease) => lease.endpointId),
      lockedUntils: leases.map((lease) => lease.lockedUntil),
    },
  );
}

/** Ends the leases of workers that are dead (channels.ts tells by what). Gives how many they were. */
export async function releaseLeasesOfTheDead(db: Db, now: Date): Promise<number> {
  const rows = await runSql(
    db,
    'releaseLeasesOfTheDead',
    `update deliveries d set locked_until = null, locked_by = null
      where d.status = 'pending' and d.locked_until > :now and d.locked_by is not null
        and not exists (
          select 1 from pg_locks l
           where l.locktype = 'advisory' and l.granted and l.classid::bigint = :lockClass and l.objid::bigint = d.locked_by
             and l.database = (select oid from pg_database where datname = current_database()))
     returning 1`,
    { now, lockClass: WORKER_LOCKS },
  );
  return rows.length;
}

export interface DueEndpoint {
  endpointId: string;
  /** Set: its pending deliveries are not to be sent. */
  stopped: 'disabled' | 'deleted' | null;
}

/**
 * Endpoints with a due delivery that nobody has leased, whether or not a job named it. The recursion steps through the
 * index from one endpoint to the next, so ten thousand deliveries waiting for one endpoint cost no more than one.
 */
export function findDueEndpoints(db: Db, now: Date): Promise<DueEndpoint[]> {
  return runSql<DueEndpoint>(
    db,
    'findDueEndpoints',
    `with recursive pending as (
       (select endpoint_id from deliveries where status = 'pending' order by endpoint_id limit 1)
       union all
       select (select endpoint_id from deliveries
                where status = 'pending' and endpoint_id > p.endpoint_id order by endpoint_id limit 1)
         from pending p where p.endpoint_id is not null
     )
     select p.endpoint_id as "endpointId",
            case when e.id is null or e.deleted_at is not null then 'deleted'
                 when e.disabled_at is not null then 'disabled' end as stopped
       from pending p
       left join webhook_endpoints e on e.id = p.endpoint_id
      where p.endpoint_id is not null
        and (e.paused_until is null or e.paused_until <= :now or e.disabled_at is not null or e.deleted_at is not null)
        and exists (select 1 from deliveries
                     where endpoint_id = p.endpoint_id and status = 'pending' and next_attempt_at <= :now
                       and (locked_until is null or locked_until <= :now))`,
    { now },
  );
}

/**
 * Takes up to `limit` deliveries out of the queue of a stopped endpoint: of a disabled one they are kept for recovery,
 * of a deleted one cancelled. Returns how many.
 */
export async function stopPending(db: Db, endpoint: DueEndpoint, now: Date, limit: number): Promise<number> {
  const rows = await runSql(
    db,
    'stopPending',
    `update deliveries set status = :status, next_attempt_at = null, locked_until = null, trigger = 'schedule'
      where (message_id, endpoint_id) in
            (select message_id, endpoint_id from deliveries
              where endpoint_id = :endpointId and status = 'pending' and (locked_until is null or locked_until <= :now)
              limit :limit for update skip locked)
     returning 1`,
    {
      status: endpoint.stopped === 'deleted' ? 'cancelled' : 'held',
      endpointId: endpoint.endpointId,
      now,
      limit,
    },
  );
  return rows.length;
}
