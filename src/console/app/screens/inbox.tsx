import { useState, type ReactNode } from 'react';
import { useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { formatSpan, wordsOf } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { NewsButton } from '../news-button.tsx';
import { BulkAction } from '../parts/bulk-action.tsx';
import { ExportLink } from '../parts/files.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { JobProgress } from '../parts/job-progress.tsx';
import { SelectionBar, useSelection } from '../parts/selection.tsx';
import { Id, Moment, State } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { InboxEvent } from '../types.ts';
import { InboxDetail } from './inbox-detail.tsx';

const outcomes = [
  'recorded',
  'updated',
  'duplicate',
  'not_tracked',
  'parked',
  'ignored',
  'rejected',
  'unprocessable',
  'failed',
] as const satisfies InboxEvent['outcome'][];

const filters: readonly Filter[] = [
  { name: 'reference', label: 'About', type: 'text', placeholder: 'order, click, customer …' },
  {
    name: 'status',
    label: 'Status',
    type: 'choice',
    choices: ['received', 'processed', 'ignored', 'unprocessable', 'failed'],
  },
  {
    name: 'kind',
    label: 'Kind',
    type: 'choice',
    choices: ['stripe', 'revenuecat', 'postback', 'conversion', 'event', 'decision', 'refund', 'import', 'adjustment'],
  },
  { name: 'outcome', label: 'Outcome', type: 'choice', choices: outcomes },
  { name: 'reason', label: 'Reason', type: 'text', placeholder: 'duplicate_order' },
  { name: 'sourceId', label: 'Source', type: 'text', placeholder: 'src_…' },
  { name: 'startDate', label: 'From', type: 'date' },
  { name: 'endDate', label: 'To', type: 'date' },
];

const columns: readonly Column<InboxEvent>[] = [
  { title: 'Received', width: 12, isMain: true, show: ({ receivedAt }) => <Moment at={receivedAt} /> },
  { title: 'Kind', width: 7, isMain: true, show: ({ kind }) => kind },
  { title: 'Status', width: 8, isMain: true, show: ({ status }) => <State is={status} /> },
  { title: 'Outcome', show: ({ outcome, reason, error }) => <Outcome outcome={outcome} why={reason ?? error} /> },
  { title: 'Conversion', width: 10, show: ({ conversionId }) => <ConversionId id={conversionId} /> },
  { title: 'Source', width: 9, show: ({ sourceId }) => (sourceId === null ? 'API key' : <Id id={sourceId} />) },
  { title: 'Settled in', width: 6, isNumber: true, show: timeToSettle },
];

/** What came in, and what became of it. */
export default function Inbox(): ReactNode {
  const address = useAddress();
  const { id } = useParams<{ id?: string }>();
  const query = useFilters(filters);
  const rows = useRows<InboxEvent>('/inbox-events', query);
  const may = useMay('inbox:write');
  const selection = useSelection(query);
  const [isReplaying, setReplaying] = useState(false);
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Inbox</h1>
        <FilterBar filters={filters}>
          <NewsButton kind="inbox_event" rows={rows} isFiltered={isFiltered} />
          <ExportLink list="inbox-events" query={query} />
        </FilterBar>
        <JobProgress />
        {may && (
          <SelectionBar selection={selection} otherwise="All that match these filters:">
            <button type="button" onClick={() => setReplaying(true)}>
              Replay …
            </button>
            <BulkAction
              isOpen={isReplaying}
              close={() => setReplaying(false)}
              title={(what) => `Replay ${what}?`}
              noun={['message', 'messages']}
              act="Replay"
              path="/inbox-events/replays"
              selection={selection}
              filter={query}
            >
              <p>Each is read again with the settings of today and settled. What was recorded before adds nothing.</p>
            </BulkAction>
          </SelectionBar>
        )}
        <List
          label="Inbox events"
          rows={rows}
          columns={columns}
          to={(row) => address(`/inbox/${row.id}`)}
          openId={id}
          selection={may ? selection : undefined}
          empty={isFiltered ? <p>Nothing that came fits these filters.</p> : <NothingYet />}
        />
      </section>
      {id !== undefined && <InboxDetail key={id} id={id} back={address('/inbox')} />}
    </div>
  );
}

function NothingYet(): ReactNode {
  return (
    <>
      <p>Nothing has come in yet.</p>
      <p className="quiet">
        Webhooks of Stripe and RevenueCat, postbacks of trackers and conversions by API appear here within a second.
      </p>
    </>
  );
}

function Outcome({ outcome, why }: { outcome: string | null; why: string | null }): ReactNode {
  if (outcome === null) return <span className="quiet">waits to be settled</span>;
  return (
    <>
      {wordsOf(outcome)}
      {why !== null && <span className="quiet"> · {wordsOf(why)}</span>}
    </>
  );
}

function ConversionId({ id }: { id: string | null }): ReactNode {
  return id !== null && id.startsWith('cnv_') ? <Id id={id} to={`/orders/${id}`} /> : <Id id={id} />;
}

function timeToSettle({ receivedAt, settledAt }: InboxEvent): ReactNode {
  if (settledAt === null) return <span className="quiet">—</span>;
  return formatSpan(Date.parse(settledAt) - Date.parse(receivedAt));
}
