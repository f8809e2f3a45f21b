import type { ReactNode } from 'react';
import { Link, useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { List, type Column } from '../list.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { Moment, Name, State } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import { termsInShort } from '../terms.ts';
import type { Offer } from '../types.ts';
import { capOf } from './offer-cap.ts';
import { ChangeOffer, OfferDetail } from './offer-detail.tsx';
import { OfferForm } from './offer-form.tsx';

const filters: readonly Filter[] = [
  { name: 'q', label: 'Search', type: 'text', placeholder: 'name or code' },
  { name: 'status', label: 'Status', type: 'choice', choices: ['draft', 'published', 'paused', 'archived'] },
];

const columns: readonly Column<Offer>[] = [
  { title: 'Name', isMain: true, show: ({ name, livemode }) => <Name name={name} isTest={!livemode} /> },
  { title: 'Code', width: 10, show: ({ code }) => <bdi>{code}</bdi> },
  { title: 'Status', width: 7.5, isMain: true, show: ({ status }) => <State is={status} /> },
  { title: 'Pays', width: 17, isMain: true, show: ({ commission, currency }) => termsInShort(commission, currency) },
  { title: 'Cap today', width: 8, isNumber: true, show: capOf },
  { title: 'Created', width: 11.5, show: ({ createdAt }) => <Moment at={createdAt} /> },
];

/** What is promoted, and what that pays. */
export default function Offers(): ReactNode {
  const address = useAddress();
  const may = useMay('offers:write');
  const { id, part } = useParams<{ id?: string; part?: string }>();
  const query = useFilters(filters);
  const rows = useRows<Offer>('/offers', { ...query, include: 'capUsed' });
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  const back = address('/offers');
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Offers</h1>
        <FilterBar filters={filters}>
          {may && (
            <Link href={address('/offers/new')} className="button main">
              New offer
            </Link>
          )}
        </FilterBar>
        <List
          label="Offers"
          rows={rows}
          columns={columns}
          to={(row) => address(`/offers/${row.id}`)}
          openId={id}
          empty={<p>{isFiltered ? 'No offer fits these filters.' : 'There is no offer yet: nothing can be earned.'}</p>}
        />
      </section>
      {id === 'new' ? (
        <Drawer title="New offer" back={back}>
          <OfferForm offer={null} />
        </Drawer>
      ) : (
        id !== undefined &&
        (part === 'change' ? (
          <ChangeOffer key={`${id} change`} id={id} />
        ) : (
          <OfferDetail key={id} id={id} back={back} />
        ))
      )}
    </div>
  );
}
