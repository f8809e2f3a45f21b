import type { Db } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Scope } from '../../domain/scope.ts';

/** So many messages of one reference are found: the newest. */
const MAX_FOUND = 1_000;
/** And of a customer so many orders are looked at. */
const MAX_ORDERS = 1_000;

/**
 * Ids of the messages that told something of an order, a click or a customer, by an id of it: the sender's own or Stripe's, a
 * reference as the hub writes it, a conversion. By the facts that they made, which indexes find: a message that only repeated
 * another made none, and has the conversion alone.
 */
export async function findEventsByReference(
  db: Db,
  { programId, livemode }: Scope,
  reference: string,
): Promise<string[]> {
  const rows = await runSql<{ id: string }>(
    db,
    'findEventsByReference',
    `with own as (
       select 'order:' || id || ':' || :reference as ref, id from sources
       where program_id = :programId and order_scope = 'source'
     ), names as (
       select unnest(:names::text[]) as ref
       union all select ref from own
       union all select 'keyless:' || id || ':' || name || :reference
         from own cross join unnest(array['order:', 'id:', 'stripe:', 'click:']) as name
     ), people as materialized (
       select c.customer_id as id from names cross join lateral (
         select customer_id from customer_refs
         where program_id = :programId and livemode = :livemode and ref = names.ref) c
     ), named as materialized (
       select r.order_id as id from names cross join lateral (
         select order_id from order_refs where program_id = :programId and livemode = :livemode and ref = names.ref) r
       union select :conversionId
       union select id from orders where click_id = :reference
       union (select o.id from people cross join lateral (
         select id from orders where customer_id = people.id limit :mostOrders) o)
     ), orders_of_it as (
       select id from named
       union select o.merged_into from named join orders o on o.id = named.id where o.merged_into is not null
     ), told as (
       select f.inbox_id, f.program_id, f.livemode from orders_of_it
         cross join lateral (select * from facts where order_id = orders_of_it.id) f
       union all
       select f.inbox_id, f.program_id, f.livemode from people
         cross join lateral (select * from facts where customer_id = people.id and order_id is null) f
       union all
       select inbox_id, program_id, livemode from facts
       where fact #>> '{evidence,clickId}' = :reference and fact #>> '{evidence,clickId}' is not null and not names_its_click
       union all
       select :reference, :programId, :livemode
     )
     select distinct inbox_id as id from told where program_id = :programId and livemode = :livemode
     order by 1 desc limit :mostFound`,
    {
      programId,
      livemode,
      reference,
      conversionId: reference.replace(/^com_/, 'cnv_'),
      names: [reference, `order:${reference}`, `stripe:${reference}`, `id:${reference}`],
      mostOrders: MAX_ORDERS,
      mostFound: MAX_FOUND,
    },
  );
  return rows.map(({ id }) => id);
}
