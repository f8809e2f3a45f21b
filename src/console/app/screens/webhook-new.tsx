import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { call } from '../call.ts';
import { useAddress, useMay, useWhere } from '../place.tsx';
import type { EndpointWithSecret } from '../types.ts';
import { WebhookForm, type EndpointInput } from './webhook-form.tsx';
import { NewSecret } from './webhook-secret.tsx';

export function WebhookNew(): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const may = useMay('webhooks:write');
  const queries = useQueryClient();
  const create = useMutation({
    mutationFn: (body: EndpointInput) =>
      call<{ data: EndpointWithSecret }>('/webhook-endpoints', { method: 'POST', where, body }).then(
        ({ data }) => data,
      ),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <div className="reading">
      <p>
        <Link href={address('/webhooks')}>Webhooks</Link>
      </p>
      <h1>{create.data ? 'The endpoint is made' : 'Add an endpoint'}</h1>
      {!may && <p>Whoever is signed in may not make one: that takes a key that may write.</p>}
      {create.data ? (
        <>
          <NewSecret secret={create.data.secret} />
          <p className="actions">
            <Link href={address(`/webhooks/${create.data.id}`)} className="button main">
              Go to the endpoint
            </Link>
          </p>
        </>
      ) : (
        may && (
          <WebhookForm
            endpoint={null}
            act="Add the endpoint"
            isBusy={create.isPending}
            error={create.error}
            submit={(input) => create.mutate(input)}
          />
        )
      )}
    </div>
  );
}
