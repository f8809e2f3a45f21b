import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { call } from '../call.ts';
import { eventTypeNames } from '../event-type-names.ts';
import { formatSpan } from '../formats.ts';
import { Failure } from '../parts/failure.tsx';
import { State } from '../parts/values.tsx';
import { useAddress, useWhere } from '../place.tsx';
import type { Attempt, Endpoint } from '../types.ts';

/** Sends the example of a type, once, and shows what came of it. */
export function SendTest({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const where = useWhere();
  const address = useAddress();
  const queries = useQueryClient();
  const choices = endpoint.eventTypes.length === 0 ? eventTypeNames : endpoint.eventTypes;
  const [eventType, setType] = useState(choices.includes('conversion.created') ? 'conversion.created' : choices[0]);
  const test = useMutation({
    mutationFn: () =>
      call<{ data: { messageId: string; attempt: Attempt | null } }>(`/webhook-endpoints/${endpoint.id}/test`, {
        method: 'POST',
        where,
        body: { eventType },
      }).then(({ data }) => data),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <section className="test-send" aria-label="Send a test">
      <p className="actions">
        <label>
          <span className="hidden">Event type of the test</span>
          <select value={eventType} onChange={(event) => setType(event.target.value)}>
            {choices.map((type) => (
              <option key={type}>{type}</option>
            ))}
          </select>
        </label>
        <button type="button" disabled={test.isPending || endpoint.disabled} onClick={() => test.mutate()}>
          Send a test
        </button>
        {endpoint.disabled && <span className="quiet">It is disabled: nothing is sent to it.</span>}
        {test.isPending && <span role="status">It is sent …</span>}
      </p>
      {test.error && <Failure error={test.error} />}
      {test.data && (
        <p role="status">
          <Outcome attempt={test.data.attempt} />{' '}
          <Link href={address(`/webhooks/${endpoint.id}/deliveries/${test.data.messageId}`)}>
            The request and the answer
          </Link>
        </p>
      )}
    </section>
  );
}

function Outcome({ attempt }: { attempt: Attempt | null }): ReactNode {
  if (!attempt) return 'It is on its way.';
  const { status, responseStatus, durationMs, error } = attempt;
  return (
    <>
      <State is={status} /> {responseStatus === null ? 'no answer' : `answer ${responseStatus}`} after{' '}
      {formatSpan(durationMs)}
      {error !== null && `: ${error}`}.
    </>
  );
}
