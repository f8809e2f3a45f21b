import type { ReactNode } from 'react';
import { Link, useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { formatCount } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { Amounts } from '../parts/amounts.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { Moment, Name, State } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { Affiliate } from '../types.ts';
import { AffiliateDetail, ChangeAffiliate } from './affiliate-detail.tsx';
import { NewAffiliate } from './affiliate-form.tsx';

const filters: readonly Filter[] = [
  { name: 'q', label: 'Search', type: 'text', placeholder: 'name, e-mail, code …' },
  { name: 'status', label: 'Status', type: 'choice', choices: ['pending', 'active', 'paused', 'banned'] },
  { name: 'type', label: 'Type', type: 'choice', choices: ['external', 'internal'] },
];

const columns: readonly Column<Affiliate>[] = [
  { title: 'Name', isMain: true, show: ({ displayName, livemode }) => <Name name={displayName} isTest={!livemode} /> },
  { title: 'Code', width: 8, show: ({ referralCode }) => <bdi>{referralCode}</bdi> },
  { title: 'Status', width: 6.5, isMain: true, show: ({ status }) => <State is={status} /> },
  { title: 'Clicks', width: 5, isNumber: true, show: ({ stats }) => formatCount(stats?.clicks ?? 0) },
  { title: 'Conversions', width: 6.5, isNumber: true, show: ({ stats }) => formatCount(stats?.conversions ?? 0) },
  { title: 'Commission', width: 10.5, isNumber: true, show: commissionOf },
  { title: 'Payable', width: 10.5, isNumber: true, isMain: true, show: payableOf },
  { title: 'Last order', width: 11.5, show: ({ lastConversionAt = null }) => <Moment at={lastConversionAt} /> },
];

function commissionOf({ stats }: Affiliate): ReactNode {
  return <Amounts isShort of={stats?.amounts.map((each) => ({ ...each, minor: each.commissionMinor })) ?? []} />;
}

function payableOf({ balances = [] }: Affiliate): ReactNode {
  return <Amounts isShort of={balances.map((each) => ({ ...each, minor: each.payableMinor }))} />;
}

/** Who brings the customers, and what is theirs. */
export default function Affiliates(): ReactNode {
  const address = useAddress();
  const may = useMay('affiliates:write');
  const { id, part } = useParams<{ id?: string; part?: string }>();
  const query = useFilters(filters);
  const rows = useRows<Affiliate>('/affiliates', { ...query, include: 'stats,balance,lastConversion' });
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  const back = address('/affiliates');
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Affiliates</h1>
        <FilterBar filters={filters}>
          {may && (
            <Link href={address('/affiliates/new')} className="button main">
              New affiliate
            </Link>
          )}
        </FilterBar>
        <List
          label="Affiliates"
          rows={rows}
          columns={columns}
          to={(row) => address(`/affiliates/${row.id}`)}
          openId={id}
          empty={<p>{isFiltered ? 'No affiliate fits these filters.' : 'There is no affiliate yet.'}</p>}
        />
      </section>
      {id === 'new' ? (
        <Drawer title="New affiliate" back={back}>
          <NewAffiliate />
        </Drawer>
      ) : (
        id !== undefined &&
        (part === 'change' ? (
          <ChangeAffiliate key={`${id} change`} id={id} />
        ) : (
          <AffiliateDetail key={id} id={id} back={back} />
        ))
      )}
    </div>
  );
}
