import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useRows } from '../ask.ts';
import { List, type Column } from '../list.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { Id } from '../parts/values.tsx';
import { useAddress } from '../place.tsx';
import type { Delivery } from '../types.ts';
import { deliveryColumns, deliveryFilters } from './webhook-delivery-columns.tsx';

const filters: readonly Filter[] = [
  ...deliveryFilters,
  { name: 'endpointId', label: 'Endpoint', type: 'text', placeholder: 'whe_…' },
  { name: 'messageId', label: 'Message', type: 'text', placeholder: 'evt_…' },
];

const columns: readonly Column<Delivery>[] = [
  ...deliveryColumns,
  { title: 'Endpoint', width: 9, show: ({ endpointId }) => <Id id={endpointId} to={`/webhooks/${endpointId}`} /> },
];

/** What was sent to whomever. */
export function AllDeliveries(): ReactNode {
  const address = useAddress();
  const query = useFilters(filters);
  const rows = useRows<Delivery>('/deliveries', query);
  return (
    <div className="list-and-detail">
      <section className="list-side">
        <h1>
          <Link href={address('/webhooks')}>Webhooks</Link>: all deliveries
        </h1>
        <FilterBar filters={filters} />
        <List
          label="Deliveries"
          rows={rows}
          columns={columns}
          to={({ endpointId, messageId }) => address(`/webhooks/${endpointId}/deliveries/${messageId}`)}
          openId={undefined}
          empty={<p>Nothing was sent, or is to be sent, that fits.</p>}
        />
      </section>
    </div>
  );
}
