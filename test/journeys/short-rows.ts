import assert from 'node:assert/strict';
import type { Db } from '../../src/db/db.ts';
import { runSql } from '../support/sql.ts';

/**
 * What rows tell by themselves is all that the other rows tell (migration 020): the references of orders and customers, and
 * that of the clicks which facts name those are kept that no order is credited by.
 */
export async function assertRowsTellAll(db: Db): Promise<void> {
  const untold = await runSql(
    db,
    `select 'order' as of, r.ref, r.order_id as id from order_refs r
     where r.ref not in (select ref from refs_of_order(r.order_id) as ref)
     union all
     select 'customer', r.ref, r.customer_id from customer_refs r
     where r.ref not in (select ref from refs_of_customer(r.customer_id) as ref)
     union all
     select 'order of another', known.ref, o.id from orders o cross join lateral refs_of_order(o.id) as known (ref)
     where not exists (select 1 from order_refs r where r.order_id = o.id and r.ref = known.ref)
     union all
     select 'customer of another', known.ref, c.id from customers c cross join lateral refs_of_customer(c.id) as known (ref)
     where not exists (select 1 from customer_refs r where r.customer_id = c.id and r.ref = known.ref)
     union all
     select 'click', f.fact #>> '{evidence,clickId}', f.id from facts f join orders o on o.id = f.order_id
     where f.names_its_click and f.fact #>> '{evidence,clickId}' is distinct from o.click_id`,
  );
  assert.deepEqual(untold, []);
  const [unfound] = await runSql<{ count: number }>(
    db,
    `select count(*)::int as count from orders o
     where o.order_id is not null and o.reference is not distinct from 'order:' || o.order_id and o.id not in (
       with recursive known as (
         select r.order_id as id from order_refs r
         where r.program_id = o.program_id and r.livemode = o.livemode and r.ref = 'order:' || o.order_id
         union
         select m.merged_into from known join orders m on m.id = known.id where m.merged_into is not null)
       select id from known)`,
  );
  assert.equal(unfound?.count, 0, 'an order is not found by its order id');
}
