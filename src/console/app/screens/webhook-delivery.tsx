import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useOne } from '../ask.ts';
import { call } from '../call.ts';
import { formatSpan } from '../formats.ts';
import { useKeys } from '../keyboard.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { Copy, Id, Moment, Pairs, State } from '../parts/values.tsx';
import { useWhere } from '../place.tsx';
import type { Attempt, Endpoint, Message } from '../types.ts';
import type { PartProps } from './webhook-part.ts';

interface Props extends PartProps {
  messageId: string;
  back: string;
}

/** One message to one endpoint, with each attempt: what was sent, and what was answered. */
export function DeliveryDetail({ endpoint, messageId, mayWrite, back }: Props): ReactNode {
  const message = useOne<Message>(`/messages/${messageId}`);
  const attempts = useOne<Attempt[]>(`/messages/${messageId}/attempts`, {
    query: { endpointId: endpoint.id, limit: 100 },
  });
  const delivery = message.data?.deliveries.find(({ endpointId }) => endpointId === endpoint.id);
  useKeys({ c: () => void navigator.clipboard.writeText(messageId) });
  return (
    <Drawer title={message.data?.type ?? 'Delivery'} back={back}>
      {message.error && <Failure error={message.error} again={() => void message.refetch()} />}
      {message.isPending && <p className="quiet">Loading …</p>}
      {message.data && (
        <>
          <Pairs
            of={[
              ['Message', <Id key="id" id={messageId} whole />],
              ['Created', <Moment key="created" at={message.data.createdAt} />],
              ['Status', delivery ? <State key="status" is={delivery.status} /> : 'not sent to this endpoint'],
              ['Tries', delivery?.attempts ?? 0],
              ['Next try', <Moment key="next" at={delivery?.nextAttemptAt ?? null} />],
            ]}
          />
          {mayWrite && <Resend endpoint={endpoint} messageId={messageId} />}
          <h3>Attempts</h3>
          {attempts.error && <Failure error={attempts.error} again={() => void attempts.refetch()} />}
          {attempts.data?.length === 0 && <p className="quiet">It was not tried yet.</p>}
          {attempts.data?.map((attempt, index) => (
            <AttemptView key={attempt.id} attempt={attempt} isOpen={index === 0} />
          ))}
          <h3>What it tells</h3>
          <pre>{JSON.stringify(dataOf(message.data), null, 2)}</pre>
        </>
      )}
    </Drawer>
  );
}

function dataOf({ data, previous }: Message): object {
  return { data, ...(previous === undefined ? {} : { previous }) };
}

function Resend({ endpoint, messageId }: { endpoint: Endpoint; messageId: string }): ReactNode {
  const where = useWhere();
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const resend = useMutation({
    mutationFn: () =>
      call(`/messages/${messageId}/resend`, { method: 'POST', where, body: { endpointId: endpoint.id } }),
    onSuccess: () => {
      setAsking(false);
      return queries.invalidateQueries();
    },
  });
  useKeys({ r: () => setAsking(true) });
  return (
    <p className="actions">
      <button type="button" onClick={() => setAsking(true)}>
        Resend <kbd>r</kbd>
      </button>
      {resend.isSuccess && (
        <>
          <span role="status">It is sent again.</span>
          <button type="button" className="plain" onClick={() => void queries.invalidateQueries()}>
            Look again
          </button>
        </>
      )}
      <Confirm
        isOpen={isAsking}
        title="Send this message again?"
        act="Resend"
        isBusy={resend.isPending}
        error={resend.error}
        close={() => setAsking(false)}
        confirm={() => resend.mutate()}
      >
        <p>
          At once, the same bytes under the same id. Where retries are waiting it takes the place of the next; a success
          ends them.
        </p>
      </Confirm>
    </p>
  );
}

function AttemptView({ attempt, isOpen }: { attempt: Attempt; isOpen: boolean }): ReactNode {
  const { status, responseStatus, responseBody, error, durationMs, attemptedAt, trigger, url, request } = attempt;
  return (
    <details className="attempt" open={isOpen}>
      <summary>
        <State is={status} /> <Moment at={attemptedAt} /> · {responseStatus ?? 'no answer'} · {formatSpan(durationMs)} ·{' '}
        {trigger}
      </summary>
      {error !== null && <p className="bad">{error}</p>}
      <h4>Request</h4>
      {request ? (
        <>
          <p>
            <code>
              {request.method} {url}
            </code>
          </p>
          <Pairs of={Object.entries(request.headers).map(([name, value]) => [name, value ?? <Hidden key={name} />])} />
          {request.body !== null && (
            <>
              <p className="actions">
                <Copy text={request.body} label="Copy the body that was sent">
                  Copy the body
                </Copy>
              </p>
              <pre>{request.body}</pre>
            </>
          )}
        </>
      ) : (
        <p className="quiet">What was sent is not known any more.</p>
      )}
      <h4>Answer</h4>
      {responseStatus === null ? (
        <p className="quiet">No answer came.</p>
      ) : (
        <>
          <p>{responseStatus}</p>
          {responseBody !== null && responseBody !== '' && <pre>{responseBody}</pre>}
        </>
      )}
    </details>
  );
}

function Hidden(): ReactNode {
  return <span className="quiet">not shown</span>;
}
