import { useState, type ReactNode } from 'react';
import type { Query } from '../call.ts';
import { BulkAction } from './bulk-action.tsx';
import type { Selection } from './selection.tsx';

type Decision = 'approved' | 'rejected';

const noun = ['commission', 'commissions'] as const;

/** Approves or rejects the selected commissions, or all that match. `filter` null: there is no filter of commissions that says the same. */
export function DecideMany(props: {
  selection: Selection;
  filter: Query | null;
  idOf?: (rowId: string) => string;
}): ReactNode {
  const { selection, filter } = props;
  const [decision, setDecision] = useState<Decision | null>(null);
  const [reason, setReason] = useState('');
  const isIdle = selection.ids.size === 0 && filter === null;
  const words = decision === 'rejected' ? 'Reject' : 'Approve';
  return (
    <>
      <button type="button" disabled={isIdle} onClick={() => setDecision('approved')}>
        Approve …
      </button>
      <button type="button" disabled={isIdle} onClick={() => setDecision('rejected')}>
        Reject …
      </button>
      <BulkAction
        isOpen={decision !== null}
        close={() => setDecision(null)}
        title={(what) => `${words} ${what}?`}
        noun={noun}
        act={words}
        path="/commissions/decisions"
        body={{ status: decision, ...(reason.trim() === '' ? {} : { reason: reason.trim() }) }}
        selection={selection}
        {...(props.idOf ? { idOf: props.idOf } : {})}
        filter={filter ?? {}}
      >
        <p>
          {decision === 'rejected'
            ? 'A rejection is final: nothing is paid for these orders.'
            : 'The next payout takes them. Leads and what a tracker holds are passed over.'}
        </p>
        <label>
          Reason (kept, and shown)
          <input value={reason} maxLength={1_000} onChange={(event) => setReason(event.target.value)} />
        </label>
      </BulkAction>
    </>
  );
}
