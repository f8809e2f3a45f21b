import type { ReactNode } from 'react';
import type { Column } from '../list.tsx';
import type { Filter } from '../parts/filters.tsx';
import { Moment, State } from '../parts/values.tsx';
import { eventTypeNames } from '../event-type-names.ts';
import type { Delivery } from '../types.ts';

export const deliveryFilters: readonly Filter[] = [
  { name: 'status', label: 'Status', type: 'choice', choices: ['pending', 'succeeded', 'failed', 'held', 'cancelled'] },
  { name: 'type', label: 'Type', type: 'choice', choices: eventTypeNames },
  { name: 'startDate', label: 'From', type: 'date' },
  { name: 'endDate', label: 'To', type: 'date' },
];

export const deliveryColumns: readonly Column<Delivery>[] = [
  { title: 'Created', width: 12, isMain: true, show: ({ createdAt }) => <Moment at={createdAt} /> },
  { title: 'Type', width: 12, isMain: true, show: ({ type }) => type },
  { title: 'Status', width: 8, isMain: true, show: ({ status }) => <State is={status} /> },
  { title: 'Tries', width: 4, isNumber: true, show: ({ attempts }) => attempts },
  { title: 'Last answer', show: (delivery) => <LastAnswer delivery={delivery} /> },
  { title: 'Next try', width: 12, show: ({ nextAttemptAt }) => <Moment at={nextAttemptAt} /> },
];

function LastAnswer({ delivery: { attempts, lastResponseStatus, lastError } }: { delivery: Delivery }): ReactNode {
  if (attempts === 0) return <span className="quiet">not tried yet</span>;
  return (
    <span title={lastError ?? undefined}>
      {lastResponseStatus ?? 'none'}
      {lastError !== null && <span className="quiet"> · {lastError}</span>}
    </span>
  );
}
