import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { Confirm } from '../parts/confirm.tsx';
import { useMay, useWhere } from '../place.tsx';
import type { ConversionDetail } from '../types.ts';

type Decision = 'approved' | 'rejected';

/** What a person may decide about an order, as its state admits. */
export function OrderActions({ order: { commission } }: { order: ConversionDetail }): ReactNode {
  const where = useWhere();
  const queries = useQueryClient();
  const may = useMay('commissions:write');
  const [decision, setDecision] = useState<Decision | null>(null);
  const [reason, setReason] = useState('');
  const decide = useMutation({
    mutationFn: (status: Decision) =>
      call(`/commissions/${commission?.id}`, {
        method: 'PATCH',
        where,
        body: { status, ...(reason.trim() === '' ? {} : { reason: reason.trim() }) },
      }),
    onSuccess: () => {
      setDecision(null);
      setReason('');
      return queries.invalidateQueries();
    },
  });
  if (!may || !commission || (commission.status !== 'pending' && commission.status !== 'approved')) return null;
  return (
    <p className="actions">
      {commission.status === 'pending' && (
        <button type="button" onClick={() => setDecision('approved')}>
          Approve
        </button>
      )}
      <button type="button" onClick={() => setDecision('rejected')}>
        Reject
      </button>
      <Confirm
        isOpen={decision !== null}
        title={decision === 'approved' ? 'Approve this commission?' : 'Reject this commission?'}
        act={decision === 'approved' ? 'Approve' : 'Reject'}
        isBusy={decide.isPending}
        error={decide.error}
        close={() => setDecision(null)}
        confirm={() => decision && decide.mutate(decision)}
      >
        <p>
          {decision === 'approved'
            ? 'The next payout takes it.'
            : 'A rejection is final: nothing is paid for this order.'}
        </p>
        <label>
          Reason (kept, and shown)
          <input value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
        </label>
      </Confirm>
    </p>
  );
}
