import type { ReactNode } from 'react';
import { Link, useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { formatCount } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { Copy, Moment, Name, State } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { TrackingLink } from '../types.ts';
import { ChangeLink, LinkDetail } from './link-detail.tsx';
import { LinkForm } from './link-form.tsx';

const filters: readonly Filter[] = [
  { name: 'q', label: 'Search', type: 'text', placeholder: 'code begins with' },
  { name: 'affiliateId', label: 'Affiliate', type: 'text', placeholder: 'id or code' },
  { name: 'offerId', label: 'Offer', type: 'text', placeholder: 'id or code' },
  { name: 'status', label: 'Status', type: 'choice', choices: ['active', 'paused'] },
];

const columns: readonly Column<TrackingLink>[] = [
  { title: 'Code', width: 11, isMain: true, show: ({ code, livemode }) => <Name name={code} isTest={!livemode} /> },
  { title: 'Copy', width: 3, show: ({ trackingUrl }) => <Copy text={trackingUrl} label={`Copy ${trackingUrl}`} /> },
  {
    title: 'Affiliate',
    isMain: true,
    show: ({ affiliateName, affiliateId }) => <bdi>{affiliateName ?? affiliateId}</bdi>,
  },
  { title: 'Offer', show: ({ offerName, offerId }) => <bdi>{offerName ?? offerId}</bdi> },
  { title: 'Status', width: 6.5, show: ({ status }) => <State is={status} /> },
  { title: 'Clicks', width: 6, isNumber: true, isMain: true, show: ({ clicks }) => formatCount(clicks) },
  { title: 'Conversions', width: 6.5, isNumber: true, show: ({ conversions }) => formatCount(conversions) },
  { title: 'Created', width: 11.5, show: ({ createdAt }) => <Moment at={createdAt} /> },
];

/** What affiliates share: which of them leads where, and what came of it. */
export default function Links(): ReactNode {
  const address = useAddress();
  const may = useMay('links:write');
  const { id, part } = useParams<{ id?: string; part?: string }>();
  const query = useFilters(filters);
  const rows = useRows<TrackingLink>('/tracking-links', { ...query, include: 'names' });
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  const back = address('/links');
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Links</h1>
        <FilterBar filters={filters}>
          {may && (
            <Link href={address('/links/new') + location.search} className="button main">
              New link
            </Link>
          )}
        </FilterBar>
        <List
          label="Links"
          rows={rows}
          columns={columns}
          to={(row) => address(`/links/${row.id}`)}
          openId={id}
          empty={
            <p>
              {isFiltered
                ? 'No link fits these filters.'
                : 'No link was made yet. Each affiliate has one of their own, which leads to the default offer.'}
            </p>
          }
        />
      </section>
      {id === 'new' ? (
        <Drawer title="New link" back={back}>
          <LinkForm link={null} affiliate={query['affiliateId'] ?? ''} offer={query['offerId'] ?? ''} />
        </Drawer>
      ) : (
        id !== undefined &&
        (part === 'change' ? <ChangeLink key={`${id} change`} id={id} /> : <LinkDetail key={id} id={id} back={back} />)
      )}
    </div>
  );
}
