import type { ReactNode } from 'react';
import { stateOf, whyDisabled } from '../endpoint-state.ts';
import { Moment, State } from '../parts/values.tsx';
import type { Endpoint } from '../types.ts';

/** With since when, until when or why. */
export function EndpointStateCell({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const state = stateOf(endpoint);
  return (
    <>
      <State is={state} />
      {state === 'failing' && (
        <span className="quiet">
          {' '}
          since <Moment at={endpoint.failingSince} />
        </span>
      )}
      {state === 'paused' && (
        <span className="quiet">
          {' '}
          until <Moment at={endpoint.pausedUntil} />
        </span>
      )}
      {state === 'disabled' && <span className="quiet"> · {whyDisabled(endpoint)}</span>}
      {!endpoint.livemode && <span className="quiet"> · test</span>}
    </>
  );
}
