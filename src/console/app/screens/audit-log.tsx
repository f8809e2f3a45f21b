import type { ReactNode } from 'react';
import { useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { wordsOf } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { FilterBar, useFilters, type Filter } from '../parts/filters.tsx';
import { Id, Moment, Pairs } from '../parts/values.tsx';
import { useAddress } from '../place.tsx';
import type { AuditEvent } from '../types.ts';

const filters: readonly Filter[] = [
  {
    name: 'objectType',
    label: 'What',
    type: 'choice',
    choices: [
      'affiliate',
      'offer',
      'tracking_link',
      'commission',
      'conversion',
      'customer',
      'adjustment',
      'payout',
      'payout_batch',
      'source',
      'webhook_endpoint',
      'message',
      'recovery',
      'job',
      'api_key',
      'program',
    ],
  },
  { name: 'objectId', label: 'Which', type: 'text', placeholder: 'aff_… off_… key_…' },
  { name: 'action', label: 'Action', type: 'text', placeholder: 'affiliate.updated' },
  { name: 'actorId', label: 'By key', type: 'text', placeholder: 'key_…' },
  { name: 'startDate', label: 'From', type: 'date' },
  { name: 'endDate', label: 'To', type: 'date' },
];

const columns: readonly Column<AuditEvent>[] = [
  { title: 'When', width: 12, isMain: true, show: ({ createdAt }) => <Moment at={createdAt} /> },
  { title: 'Action', width: 14, isMain: true, show: ({ action }) => <code>{action}</code> },
  { title: 'Which', width: 9, show: ({ objectId }) => <Id id={objectId} /> },
  { title: 'Who', isMain: true, show: ({ actor }) => <Who actor={actor} /> },
  { title: 'Fields', show: ({ before, after }) => fieldsOf(before, after).join(', ') },
];

const kinds = {
  key: 'key',
  admin: 'the admin token',
  session: 'a person in the console',
  command: 'the command line',
} as const;

function Who({ actor: { kind, name } }: { actor: AuditEvent['actor'] }): ReactNode {
  return name === null ? kinds[kind] : <bdi title={name}>{name}</bdi>;
}

/** Who changed or decided what. */
export function AuditLog(): ReactNode {
  const address = useAddress();
  const { id } = useParams<{ id?: string }>();
  const query = useFilters(filters);
  const rows = useRows<AuditEvent>('/audit-events', query);
  const isFiltered = Object.values(query).some((value) => value !== undefined);
  const open = rows.data?.find((event) => event.id === id);
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Audit log</h1>
        <FilterBar filters={filters} />
        <List
          label="Audit log"
          rows={rows}
          columns={columns}
          to={(row) => address(`/settings/audit/${row.id}`)}
          openId={id}
          empty={<p>{isFiltered ? 'No change fits these filters.' : 'Nothing was changed or decided yet.'}</p>}
        />
      </section>
      {id !== undefined && (
        <Drawer title={open ? open.action : 'Change'} back={address('/settings/audit')}>
          {open && <Detail event={open} />}
          {!open && (
            <p className="quiet">
              {rows.data ? 'It is not among the rows of this list: take away filters, or scroll to it.' : 'Loading …'}
            </p>
          )}
        </Drawer>
      )}
    </div>
  );
}

function Detail({ event }: { event: AuditEvent }): ReactNode {
  const { id, objectType, objectId, actor, createdAt, livemode, before, after } = event;
  return (
    <>
      <Pairs
        of={[
          ['When', <Moment key="when" at={createdAt} />],
          ['Who', <Who key="who" actor={actor} />],
          ...(actor.id === null ? [] : [['By key', <Id key="key" id={actor.id} />] as const]),
          ['From', actor.address ?? '—'],
          ['Request', <Id key="request" id={actor.requestId} />],
          ['What', `${wordsOf(objectType)}${livemode ? '' : ', test'}`],
          ['Which', <Id key="object" id={objectId} whole {...screenOf(objectType, objectId)} />],
          ['Id', <Id key="id" id={id} whole />],
        ]}
      />
      <table className="before-after">
        <caption className="hidden">What it was, and what it became</caption>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {fieldsOf(before, after).map((field) => (
            <tr key={field}>
              <th scope="row">{field}</th>
              <td>
                <Value of={before?.[field]} />
              </td>
              <td>
                <Value of={after?.[field]} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

const screens: Readonly<Record<string, string>> = {
  affiliate: '/affiliates/',
  offer: '/offers/',
  tracking_link: '/links/',
  conversion: '/orders/',
  payout: '/payouts/',
  api_key: '/settings/keys/',
};

function screenOf(objectType: string, objectId: string): { to?: string } {
  const path = screens[objectType];
  return path === undefined ? {} : { to: path + objectId };
}

function fieldsOf(before: AuditEvent['before'], after: AuditEvent['after']): string[] {
  return [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
}

function Value({ of }: { of: unknown }): ReactNode {
  if (of === undefined || of === null) return <span className="quiet">—</span>;
  return <bdi>{typeof of === 'string' ? of : JSON.stringify(of)}</bdi>;
}
