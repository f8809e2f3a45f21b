/**
 * SQL that finds all records of the customers that some records belong to: `family (start, id)`, for each of `starts` (SQL of
 * one column of ids) every record that is the same customer. Records are one where a message named both (merged_into) and
 * where an e-mail stands for one: the first who was introduced with it, or everybody, where the program says so.
 *
 * PostgreSQL expects hundreds of times as many records as there are, and would join them to all that a table has. So what reads
 * `family` looks up each record by itself, in a lateral query that `offset 0` keeps apart.
 */
export function familiesOf(starts: string): string {
  return `with recursive family (start, id) as (
     select asked.id, asked.id from (${starts}) as asked (id)
     union
     select family.start, near.id from family cross join lateral (
       select merged_into as id from customers where id = family.id and merged_into is not null
       union all
       select id from customers where merged_into = family.id
       union all
       select i.customer_id from introductions i join programs p on p.id = i.program_id
        where i.email_id = family.id and ${counts}
       union all
       select i.email_id from introductions i join programs p on p.id = i.program_id
        where i.customer_id = family.id and ${counts}
     ) near)`;
}

const counts = `(p.identify_by_email or not exists (select 1 from introductions earlier where earlier.email_id = i.email_id
  and (earlier.introduced_at, earlier.introduced_by) < (i.introduced_at, i.introduced_by)))`;

/** SQL that finds the record in `family` that stands for the customer: of those known by an id the oldest, else the oldest. */
export const whoStandsFor = `(select first.id from family cross join lateral (
    select id, is_email from customers where id = family.id and merged_into is null offset 0) first
  order by first.is_email, first.id limit 1)`;
