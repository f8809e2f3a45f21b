import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { useKeys } from '../keyboard.ts';
import { Failure } from '../parts/failure.tsx';
import { useAddress, useMay, usePlace } from '../place.tsx';
import type { Endpoint } from '../types.ts';
import { WebhookDeliveries } from './webhook-deliveries.tsx';
import type { PartProps } from './webhook-part.ts';
import { WebhookOverview } from './webhook-overview.tsx';
import { WebhookRecoveries } from './webhook-recoveries.tsx';
import { WebhookSettings } from './webhook-settings.tsx';
import { EndpointStateCell } from './webhook-state.tsx';

const parts = [
  { part: undefined, title: 'Overview' },
  { part: 'deliveries', title: 'Deliveries' },
  { part: 'recoveries', title: 'Recoveries' },
  { part: 'settings', title: 'Settings' },
] as const;

interface Props {
  id: string;
  part: string | undefined;
  item: string | undefined;
}

/** One endpoint. Its parts are addresses, so that each can be sent to somebody. */
export function WebhookPage({ id, part, item }: Props): ReactNode {
  const address = useAddress();
  const endpoint = useOne<Endpoint>(`/webhook-endpoints/${id}`);
  const mayWrite = useMayChange(endpoint.data);
  useKeys(item === undefined ? { c: () => void navigator.clipboard.writeText(id) } : {});
  return (
    <div className="endpoint">
      <header>
        <p>
          <Link href={address('/webhooks')}>Webhooks</Link>
        </p>
        <h1>
          <bdi>{endpoint.data?.url ?? 'Endpoint'}</bdi>
        </h1>
        {endpoint.data && (
          <p>
            <EndpointStateCell endpoint={endpoint.data} />
          </p>
        )}
        <nav className="tabs" aria-label="Parts of the endpoint">
          {parts.map((each) => (
            <Link
              key={each.title}
              href={address(`/webhooks/${id}${each.part === undefined ? '' : `/${each.part}`}`)}
              aria-current={part === each.part ? 'page' : undefined}
            >
              {each.title}
            </Link>
          ))}
        </nav>
      </header>
      {endpoint.error && <Failure error={endpoint.error} again={() => void endpoint.refetch()} />}
      {endpoint.isPending && <p className="quiet">Loading …</p>}
      {endpoint.data && <Part endpoint={endpoint.data} part={part} item={item} mayWrite={mayWrite} />}
    </div>
  );
}

function Part({ endpoint, mayWrite, part, item }: PartProps & Omit<Props, 'id'>): ReactNode {
  switch (part) {
    case undefined:
      return <WebhookOverview endpoint={endpoint} mayWrite={mayWrite} />;
    case 'deliveries':
      return <WebhookDeliveries endpoint={endpoint} mayWrite={mayWrite} messageId={item} />;
    case 'recoveries':
      return <WebhookRecoveries endpoint={endpoint} mayWrite={mayWrite} />;
    case 'settings':
      return <WebhookSettings endpoint={endpoint} mayWrite={mayWrite} />;
    default:
      return <p className="quiet">An endpoint has no such part.</p>;
  }
}

/** Nobody changes a live endpoint from test mode. */
function useMayChange(endpoint: Endpoint | undefined): boolean {
  const { mode } = usePlace();
  const may = useMay('webhooks:write');
  return may && endpoint !== undefined && (mode === 'live' || !endpoint.livemode);
}
