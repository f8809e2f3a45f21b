import type { ReactNode } from 'react';
import { Link, useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { List, type Column } from '../list.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { FilterBar } from '../parts/filters.tsx';
import { Moment } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { ApiKey } from '../types.ts';
import { KeyDetail } from './key-detail.tsx';
import { ChangeKey, NewKey } from './key-form.tsx';

const columns: readonly Column<ApiKey>[] = [
  { title: 'Name', isMain: true, show: ({ name }) => <bdi title={name}>{name}</bdi> },
  { title: 'Key', width: 10, show: ({ display }) => <code>{display}…</code> },
  { title: 'Mode', width: 5, isMain: true, show: ({ mode }) => mode },
  { title: 'May', width: 8, show: ({ access, scopes }) => access ?? `${scopes.length} scopes` },
  { title: 'Last used', width: 11.5, isMain: true, show: ({ lastUsedAt }) => <Moment at={lastUsedAt} /> },
  { title: 'Works until', width: 11.5, show: ({ expiresAt }) => (expiresAt ? <Moment at={expiresAt} /> : 'no end') },
  { title: 'From', width: 9, show: ({ allowedCidrs }) => <Networks of={allowedCidrs} /> },
];

function Networks({ of }: { of: string[] | null }): ReactNode {
  if (!of || of.length === 0) return <span className="quiet">anywhere</span>;
  return <span title={of.join(', ')}>{of.join(', ')}</span>;
}

/** Who may speak for the program, and when they last did. */
export function Keys(): ReactNode {
  const address = useAddress();
  const may = useMay('api-keys:write');
  const { id, change } = useParams<{ id?: string; change?: string }>();
  const rows = useRows<ApiKey>('/api-keys', {});
  const back = address('/settings/keys');
  const open = rows.data?.find((key) => key.id === id);
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>API keys</h1>
        <FilterBar filters={[]}>
          {may && (
            <Link href={address('/settings/keys/new')} className="button main">
              New key
            </Link>
          )}
        </FilterBar>
        <List
          label="API keys"
          rows={rows}
          columns={columns}
          to={(row) => address(`/settings/keys/${row.id}`)}
          openId={id}
          empty={<p>There is no key yet: nothing can call the API for this program.</p>}
        />
      </section>
      {id === 'new' && (
        <Drawer title="New key" back={back}>
          <NewKey />
        </Drawer>
      )}
      {id !== undefined && id !== 'new' && (
        <Drawer
          title={open ? <bdi>{open.name}</bdi> : 'API key'}
          back={change ? address(`/settings/keys/${id}`) : back}
        >
          {!open && <p className="quiet">{rows.data ? 'There is no such key, or it was revoked.' : 'Loading …'}</p>}
          {open && (change ? <ChangeKey key={id} of={open} /> : <KeyDetail of={open} />)}
        </Drawer>
      )}
    </div>
  );
}
