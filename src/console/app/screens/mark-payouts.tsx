import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { Confirm } from '../parts/confirm.tsx';
import { problemIn, TextField } from '../parts/text-field.tsx';
import { useMay, useWhere } from '../place.tsx';

type Mark = 'paid' | 'failed';

/** Marks a payout, or all that are pending of a batch, as paid or failed; asks how it was paid. */
export function MarkPayouts({ path, what }: { path: string; what: string }): ReactNode {
  const may = useMay('payouts:write');
  const [mark, setMark] = useState<Mark | null>(null);
  if (!may) return null;
  return (
    <p className="actions">
      <button type="button" onClick={() => setMark('paid')}>
        Mark as paid …
      </button>
      <button type="button" onClick={() => setMark('failed')}>
        Mark as failed …
      </button>
      {mark !== null && <Asking path={path} what={what} mark={mark} close={() => setMark(null)} />}
    </p>
  );
}

function Asking(props: { path: string; what: string; mark: Mark; close: () => void }): ReactNode {
  const { path, what, mark, close } = props;
  const where = useWhere();
  const queries = useQueryClient();
  const [reference, setReference] = useState('');
  const [note, setNote] = useState('');
  const change = useMutation({
    mutationFn: () =>
      call(path, {
        method: 'PATCH',
        where,
        body: { status: mark, reference: given(reference), note: given(note) },
      }),
    onSuccess: () => {
      close();
      return queries.invalidateQueries();
    },
  });
  return (
    <Confirm
      isOpen
      title={`Mark ${what} as ${mark}?`}
      act={mark === 'paid' ? 'Mark as paid' : 'Mark as failed'}
      isBusy={change.isPending}
      error={change.error}
      close={close}
      confirm={() => change.mutate()}
    >
      <p>
        {mark === 'paid'
          ? 'This is final. The commissions in it are paid with it.'
          : 'This is final. What it held is payable again.'}
      </p>
      <TextField
        label="Reference (by which the payment is known at the bank or PayPal)"
        value={reference}
        maxLength={255}
        problem={problemIn(change.error, 'reference')}
        onChange={(event) => setReference(event.target.value)}
      />
      <TextField
        label="Note (for people)"
        value={note}
        maxLength={1_000}
        problem={problemIn(change.error, 'note')}
        onChange={(event) => setNote(event.target.value)}
      />
    </Confirm>
  );
}

/** What is left empty stays as it was. */
function given(text: string): string | undefined {
  return text.trim() === '' ? undefined : text.trim();
}
