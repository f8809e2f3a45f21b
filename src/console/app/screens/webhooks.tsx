import type { ReactNode } from 'react';
import { Link, useParams } from 'wouter';
import { useRows } from '../ask.ts';
import { kindOf } from '../endpoint-state.ts';
import { formatCount, formatSpan } from '../formats.ts';
import { List, type Column } from '../list.tsx';
import { Sparkline } from '../parts/sparkline.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { Endpoint } from '../types.ts';
import { AllDeliveries } from './webhook-all-deliveries.tsx';
import { WebhookCatalogue } from './webhook-catalogue.tsx';
import { WebhookNew } from './webhook-new.tsx';
import { WebhookPage } from './webhook-page.tsx';
import { EndpointStateCell } from './webhook-state.tsx';

const columns: readonly Column<Endpoint>[] = [
  { title: 'URL', isMain: true, show: ({ url }) => <bdi title={url}>{url.replace('https://', '')}</bdi> },
  { title: 'State', width: 14, isMain: true, show: (endpoint) => <EndpointStateCell endpoint={endpoint} /> },
  { title: 'Kind', width: 5.5, show: kindOf },
  { title: 'Types', width: 9.5, show: ({ eventTypes }) => <Types types={eventTypes} /> },
  { title: '24 hours', width: 7.5, isMain: true, show: ({ health }) => health && <Sparkline bars={health.series} /> },
  { title: 'p95', width: 4.5, isNumber: true, show: ({ health }) => <Span ms={health?.p95DurationMs ?? null} /> },
  { title: 'Waiting', width: 5, isNumber: true, show: ({ pending }) => formatCount(pending) },
  { title: 'Oldest', width: 4.5, isNumber: true, show: ({ oldestPendingAt }) => <Span ms={ageOf(oldestPendingAt)} /> },
];

/** Who is told, and does it work? */
export default function Webhooks(): ReactNode {
  const { id, part, item } = useParams<{ id?: string; part?: string; item?: string }>();
  if (id === 'new') return <WebhookNew />;
  if (id === 'catalogue') return <WebhookCatalogue type={part} />;
  if (id === 'deliveries') return <AllDeliveries />;
  return id === undefined ? <Endpoints /> : <WebhookPage key={id} id={id} part={part} item={item} />;
}

function Endpoints(): ReactNode {
  const address = useAddress();
  const may = useMay('webhooks:write');
  // The list at once, and then with how each does, for which all attempts of a day are looked at.
  const plain = useRows<Endpoint>('/webhook-endpoints', {});
  const withHealth = useRows<Endpoint>('/webhook-endpoints', { include: 'health' });
  return (
    <div className="list-and-detail">
      <section className="list-side">
        <h1>Webhooks</h1>
        <p className="actions">
          {may && (
            <Link href={address('/webhooks/new')} className="button main">
              Add an endpoint
            </Link>
          )}
          <Link href={address('/webhooks/deliveries')}>All deliveries</Link>
          <Link href={address('/webhooks/catalogue')}>Event types</Link>
        </p>
        <List
          label="Webhook endpoints"
          rows={withHealth.data ? withHealth : plain}
          columns={columns}
          to={(row) => address(`/webhooks/${row.id}`)}
          openId={undefined}
          empty={<NothingYet />}
        />
      </section>
    </div>
  );
}

function NothingYet(): ReactNode {
  return (
    <>
      <p>Nobody is told yet.</p>
      <p className="quiet">
        An endpoint is a URL of yours to which the hub posts what happens: conversions, commissions, payouts.
      </p>
    </>
  );
}

function Types({ types }: { types: readonly string[] }): ReactNode {
  const [first] = types;
  if (first === undefined) return 'all';
  return (
    <span title={types.join(', ')}>
      {first}
      {types.length > 1 && <span className="quiet"> + {types.length - 1}</span>}
    </span>
  );
}

/** How long the oldest has waited. */
function ageOf(at: string | null): number | null {
  return at === null ? null : Date.now() - Date.parse(at);
}

function Span({ ms }: { ms: number | null }): ReactNode {
  return ms === null ? <span className="quiet">—</span> : formatSpan(ms);
}
