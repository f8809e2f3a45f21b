import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { call } from '../call.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Failure } from '../parts/failure.tsx';
import { useAddress, useWhere } from '../place.tsx';
import type { Endpoint } from '../types.ts';
import { WebhookForm, type EndpointInput } from './webhook-form.tsx';
import type { PartProps } from './webhook-part.ts';
import { RotateSecret } from './webhook-rotate.tsx';

export function WebhookSettings({ endpoint, mayWrite }: PartProps): ReactNode {
  if (!mayWrite) {
    return <p className="endpoint-part reading quiet">Whoever is signed in may look at it, and change nothing.</p>;
  }
  return (
    <div className="endpoint-part reading">
      <Edit endpoint={endpoint} />
      {endpoint.kind !== 'postback' && <RotateSecret endpoint={endpoint} />}
      <Switch endpoint={endpoint} />
      <Delete endpoint={endpoint} />
    </div>
  );
}

function Edit({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const change = useChange<EndpointInput>(endpoint);
  return (
    <>
      <h2>Change it</h2>
      <WebhookForm
        endpoint={endpoint}
        act="Save"
        isBusy={change.isPending}
        error={change.error}
        submit={({ eventTypes, ...input }) =>
          change.mutate(endpoint.kind === 'postback' ? (input as EndpointInput) : { ...input, eventTypes })
        }
      />
      {change.isSuccess && <p role="status">It is saved.</p>}
    </>
  );
}

/** While it is disabled its events are kept. */
function Switch({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const change = useChange<{ disabled: boolean }>(endpoint);
  const [isAsking, setAsking] = useState(false);
  const { disabled } = endpoint;
  return (
    <>
      <h2>{disabled ? 'Enable it' : 'Disable it'}</h2>
      <p className="quiet">
        {disabled
          ? 'What was held meanwhile is not sent by itself: recover it afterwards.'
          : 'Nothing is sent to it then; its events are held, and can be recovered.'}
      </p>
      <p className="actions">
        <button type="button" onClick={() => setAsking(true)}>
          {disabled ? 'Enable' : 'Disable'} …
        </button>
      </p>
      <Confirm
        isOpen={isAsking}
        title={disabled ? 'Enable this endpoint?' : 'Disable this endpoint?'}
        act={disabled ? 'Enable' : 'Disable'}
        isBusy={change.isPending}
        error={change.error}
        close={() => setAsking(false)}
        confirm={() => change.mutate({ disabled: !disabled }, { onSuccess: () => setAsking(false) })}
      >
        <p>
          <bdi>{endpoint.url}</bdi>
        </p>
      </Confirm>
    </>
  );
}

function Delete({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [isAsking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => call(`/webhook-endpoints/${endpoint.id}`, { method: 'DELETE', where }),
    onSuccess: () => {
      navigate(address('/webhooks'));
      return queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey.includes('rows') });
    },
  });
  return (
    <>
      <h2>Delete it</h2>
      <p className="quiet">What waits for it is cancelled. It does not come back.</p>
      {remove.error && !isAsking && <Failure error={remove.error} />}
      <p className="actions">
        <button type="button" onClick={() => setAsking(true)}>
          Delete …
        </button>
      </p>
      <Confirm
        isOpen={isAsking}
        title="Delete this endpoint for good?"
        act="Delete"
        isBusy={remove.isPending}
        error={remove.error}
        close={() => setAsking(false)}
        confirm={() => remove.mutate()}
      >
        <p>
          <bdi>{endpoint.url}</bdi>
        </p>
      </Confirm>
    </>
  );
}

function useChange<Body>(endpoint: Endpoint) {
  const where = useWhere();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Body) => call(`/webhook-endpoints/${endpoint.id}`, { method: 'PATCH', where, body }),
    onSuccess: () => queries.invalidateQueries(),
  });
}
