import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { compareText } from '../domain/orderings.ts';
import { restoreSourceIds } from '../program/source-refs.ts';
import { readStories, type Story } from './stories.ts';

/** Finds orders by conversion or commission id, by the sender's own order id, or by any reference; live ones first. */
export async function findStories(db: Db, name: string): Promise<Story[]> {
  const text = await restoreSourceIds(db, null, name);
  const rows = await runSql<{ id: string }>(
    db,
    'findStories',
    `with recursive named as (select order_id as id from order_refs where ref = any(:references)),
       known as (
         select id from named
         union
         select o.merged_into from known join orders o on o.id = known.id where o.merged_into is not null)
     select id from orders where id = :text or id = 'cnv_' || substr(:text, 5) and :text like 'com\\_%'
     union select id from named
     union select o.id from known join orders o on o.id = known.id and o.order_id = :text
     union select id from orders where order_id = :text and reference is distinct from 'order:' || order_id`,
    { text, references: [text, `order:${text}`, `stripe:${text}`] },
  );
  const stories = await readStories(
    db,
    rows.slice(0, MAX_STORIES).map(({ id }) => id),
  );
  return stories.sort(
    (a, b) => Number(b.order.livemode) - Number(a.order.livemode) || compareText(a.order.id, b.order.id),
  );
}

const MAX_STORIES = 20;
