import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { formatCount } from '../formats.ts';
import { Confirm } from '../parts/confirm.tsx';
import { useWhere } from '../place.tsx';
import type { ReviewDecision } from '../types.ts';

/** What a person says about reviews: whether it is paid, or whose it is. */
export type ReviewChoice = { status: 'approved' | 'rejected' } | { affiliateId: string; name: string };

/** As many as the API decides in one call. */
const MOST = 100;

/** Asks, decides, and tells which were refused and why. Nothing is asked while `choice` is null. */
export function DecideReviews(props: {
  /** Of commissions. */
  ids: readonly string[];
  choice: ReviewChoice | null;
  close: () => void;
  done?: () => void;
}): ReactNode {
  const { ids, choice, close, done } = props;
  const where = useWhere();
  const queries = useQueryClient();
  const [reason, setReason] = useState('');
  const leave = (): void => {
    if (decide.data) done?.();
    decide.reset();
    close();
  };
  const decide = useMutation({
    mutationFn: async (chosen: ReviewChoice) => {
      const said =
        'status' in chosen ? { status: chosen.status, ...reasonOf(reason) } : { affiliateId: chosen.affiliateId };
      const decided: ReviewDecision[] = [];
      for (let at = 0; at < ids.length; at += MOST) {
        const body = { ids: ids.slice(at, at + MOST), ...said };
        decided.push(
          ...(await call<{ data: ReviewDecision[] }>('/reviews/decisions', { method: 'POST', where, body })).data,
        );
      }
      return decided.filter(({ outcome }) => outcome === 'refused');
    },
    onSuccess: (refused) => {
      if (refused.length === 0) leave();
    },
    onSettled: () => queries.invalidateQueries(),
  });
  const refused = decide.data ?? [];
  return (
    <Confirm
      isOpen={choice !== null}
      title={choice ? titleOf(choice, ids.length) : ''}
      act={choice && 'status' in choice ? (choice.status === 'approved' ? 'Approve' : 'Reject') : 'Say so'}
      isBusy={decide.isPending || refused.length > 0}
      error={decide.error}
      close={leave}
      confirm={() => choice && decide.mutate(choice)}
    >
      {choice && 'status' in choice ? (
        <>
          <p>
            {choice.status === 'approved'
              ? 'It settles what is open now: the next payout takes them.'
              : 'A rejection is final: nothing is paid for these orders.'}
          </p>
          <label>
            Reason (kept, and shown)
            <input value={reason} maxLength={1_000} onChange={(event) => setReason(event.target.value)} />
          </label>
        </>
      ) : (
        <p>Whatever was posted to another affiliate is taken back by the next payout.</p>
      )}
      {refused.length > 0 && (
        <div className="failure" role="alert">
          <p>{formatCount(refused.length)} were refused:</p>
          <ul className="rows">
            {refused.map(({ id, error }) => (
              <li key={id}>
                <code>{id}</code> {error?.message}
              </li>
            ))}
          </ul>
        </div>
      )}
    </Confirm>
  );
}

function titleOf(choice: ReviewChoice, count: number): string {
  if (!('status' in choice)) return `Is it ${choice.name}’s?`;
  const what = count === 1 ? 'this commission' : `${formatCount(count)} commissions`;
  return choice.status === 'approved' ? `Approve ${what}?` : `Reject ${what}?`;
}

function reasonOf(text: string): { reason?: string } {
  return text.trim() === '' ? {} : { reason: text.trim() };
}
