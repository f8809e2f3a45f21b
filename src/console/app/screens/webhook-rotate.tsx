import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Moment } from '../parts/values.tsx';
import { useWhere } from '../place.tsx';
import type { Endpoint } from '../types.ts';
import { NewSecret } from './webhook-secret.tsx';

const DEFAULT_HOURS = '24';

/** Another signing secret; the old one signs, too, for a while. */
export function RotateSecret({ endpoint }: { endpoint: Endpoint }): ReactNode {
  const where = useWhere();
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const [hours, setHours] = useState(DEFAULT_HOURS);
  const rotate = useMutation({
    mutationFn: () =>
      call<{ data: { secret: string; previousSecretExpiresAt: string } }>(
        `/webhook-endpoints/${endpoint.id}/rotate-secret`,
        { method: 'POST', where, body: { overlapHours: Number(hours) } },
      ).then(({ data }) => data),
    onSuccess: () => {
      setAsking(false);
      return queries.invalidateQueries();
    },
  });
  return (
    <>
      <h2>Rotate its secret</h2>
      {rotate.data ? (
        <>
          <NewSecret secret={rotate.data.secret} />
          <p>
            Until <Moment at={rotate.data.previousSecretExpiresAt} /> the old one signs, too.
          </p>
        </>
      ) : (
        <p className="quiet">The new one is shown once. The old one signs, too, for as long as you say.</p>
      )}
      <p className="actions">
        <button type="button" onClick={() => setAsking(true)}>
          Rotate …
        </button>
      </p>
      <Confirm
        isOpen={isAsking}
        title="Make another signing secret?"
        act="Rotate"
        isBusy={rotate.isPending}
        error={rotate.error}
        close={() => setAsking(false)}
        confirm={() => rotate.mutate()}
      >
        <label>
          Hours that the old one signs, too (0 to 168)
          <input type="number" min={0} max={168} value={hours} onChange={(event) => setHours(event.target.value)} />
        </label>
      </Confirm>
    </>
  );
}
