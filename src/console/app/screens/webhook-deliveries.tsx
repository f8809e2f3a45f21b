import { useState, type ReactNode } from 'react';
import { useRows } from '../ask.ts';
import { List, type Column } from '../list.tsx';
import { NewsButton } from '../news-button.tsx';
import { FilterBar, useFilters } from '../parts/filters.tsx';
import { JobProgress } from '../parts/job-progress.tsx';
import { useAddress } from '../place.tsx';
import type { Delivery } from '../types.ts';
import { deliveryColumns, deliveryFilters } from './webhook-delivery-columns.tsx';
import { DeliveryDetail } from './webhook-delivery.tsx';
import type { PartProps } from './webhook-part.ts';
import { ResendMany } from './webhook-resend.tsx';

/** What was sent to an endpoint, or is to be. */
export function WebhookDeliveries({
  endpoint,
  mayWrite,
  messageId,
}: PartProps & { messageId: string | undefined }): ReactNode {
  const address = useAddress();
  const query = useFilters(deliveryFilters);
  const rows = useRows<Delivery>('/deliveries', { ...query, endpointId: endpoint.id });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  const here = `/webhooks/${endpoint.id}/deliveries`;
  const toggle = (id: string): void => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const columns: readonly Column<Delivery>[] = mayWrite
    ? [
        ...deliveryColumns,
        { title: 'Select', width: 4, show: (row) => <Select row={row} chosen={chosen} toggle={toggle} /> },
      ]
    : deliveryColumns;
  return (
    <div className="list-and-detail" data-open={messageId !== undefined}>
      <section className="list-side">
        <FilterBar filters={deliveryFilters}>
          <NewsButton kind="message" rows={rows} isFiltered={isFiltered || endpoint.eventTypes.length > 0} />
        </FilterBar>
        <div>
          {mayWrite && (
            <ResendMany endpoint={endpoint} chosen={chosen} clear={() => setChosen(new Set())} filter={query} />
          )}
          <JobProgress />
        </div>
        <List
          label="Deliveries"
          rows={rows}
          columns={columns}
          to={(row) => address(`${here}/${row.messageId}`)}
          openId={messageId === undefined ? undefined : `${messageId}:${endpoint.id}`}
          empty={
            <p>
              {isFiltered
                ? 'No delivery fits these filters.'
                : 'Nothing was sent yet. What happens from now on appears here.'}
            </p>
          }
        />
      </section>
      {messageId !== undefined && (
        <DeliveryDetail
          key={messageId}
          messageId={messageId}
          endpoint={endpoint}
          mayWrite={mayWrite}
          back={address(here)}
        />
      )}
    </div>
  );
}

interface SelectProps {
  row: Delivery;
  chosen: ReadonlySet<string>;
  toggle: (id: string) => void;
}

function Select({ row: { messageId, type }, chosen, toggle }: SelectProps): ReactNode {
  return (
    <input
      type="checkbox"
      aria-label={`Select ${type} ${messageId}`}
      checked={chosen.has(messageId)}
      onChange={() => toggle(messageId)}
    />
  );
}
