import type { ReactNode } from 'react';
import { Link, useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { formatCount } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { Moment } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { Source } from '../types.ts';
import { SourceDetail } from './source-detail.tsx';
import { kindWords, nameOf } from './source-words.ts';

const filters: readonly Filter[] = [
  { name: 'kind', label: 'Kind', type: 'choice', choices: ['stripe', 'revenuecat', 'postback'] },
];

/** A row goes by its ref: the id opens the source, and does not belong into an address that is sent to somebody. */
type Row = Source & { id: string };

const columns: readonly Column<Row>[] = [
  {
    title: 'Name',
    isMain: true,
    show: (source) => (
      <>
        <bdi>{nameOf(source)}</bdi>
        {!source.livemode && <span className="quiet"> · test only</span>}
      </>
    ),
  },
  { title: 'Kind', width: 10, show: ({ kind }) => kindWords[kind] },
  { title: 'Last event', width: 12, isMain: true, show: ({ lastEventAt }) => <Moment at={lastEventAt} /> },
  { title: 'Events, 24 h', width: 7, isNumber: true, show: ({ events24h }) => formatCount(events24h) },
  { title: 'Failed, 24 h', width: 7, isNumber: true, show: ({ failed24h }) => <Bad count={failed24h} /> },
  {
    title: 'Refused, 24 h',
    width: 8,
    isNumber: true,
    isMain: true,
    show: ({ refused24h }) => <Bad count={refused24h} />,
  },
];

/** Where sales come from, and whether each is alive. */
export default function Sources(): ReactNode {
  const address = useAddress();
  const may = useMay('sources:write');
  const { id } = useParams<{ id?: string }>();
  const query = useFilters(filters);
  const rows = useRows<Row>('/sources', query);
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Sources</h1>
        <FilterBar filters={filters}>
          {may && (
            <Link href={address('/sources/new')} className="button main">
              Add a source
            </Link>
          )}
        </FilterBar>
        <List
          label="Sources"
          rows={rows}
          columns={columns}
          to={({ ref }) => address(`/sources/${ref}`)}
          openId={rows.data?.find(({ ref }) => ref === id)?.id ?? id}
          empty={
            <>
              <p>{query['kind'] === undefined ? 'There is no source yet.' : 'There is no source of this kind.'}</p>
              <p className="quiet">
                A source is where sales come from: Stripe, RevenueCat or a tracker. Your own server needs none: it sends
                conversions with an API key.
              </p>
            </>
          }
        />
      </section>
      {id !== undefined && <SourceDetail key={id} id={id} back={address('/sources')} />}
    </div>
  );
}

function Bad({ count }: { count: number }): ReactNode {
  return count === 0 ? (
    <span className="quiet">0</span>
  ) : (
    <span className="bad">
      <span aria-hidden="true">✕</span> {formatCount(count)}
    </span>
  );
}
