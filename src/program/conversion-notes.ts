/** What is known of a conversion beside the money. */
export interface ConversionNotes {
  /** What its senders said: `note` of its earliest fact that has one (domain/facts.ts). */
  note: Record<string, unknown> | null;
  customerEmail: string | null;
  /** The least of the references that its order is known by; its beginning tells where it came from. */
  reference: string | null;
}

/** Columns of a query over `orders o` that give them. */
export const noteColumns = `o.reference,
  (select email from customers where id = o.customer_id) as "customerEmail",
  (select fact -> 'note' from facts where order_id = o.id and fact -> 'note' is not null
   order by occurred_at, facts.id limit 1) as note`;
