import { useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { digitsOf, parseAmount } from '../currencies.ts';
import { formatMoney } from '../formats.ts';
import { AffiliateField } from '../parts/affiliate-field.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { problemIn, TextField } from '../parts/text-field.tsx';
import { useWhere } from '../place.tsx';
import type { ConversionDetail } from '../types.ts';

interface Props {
  order: ConversionDetail;
  close: () => void;
}

/** Says what was really paid, above what documents say. */
export function CorrectAmount({ order, close }: Props): ReactNode {
  const unit = order.currency ?? 'USD';
  const [amount, setAmount] = useState('');
  const [reason, setReason] = useState('');
  const correct = useCorrection(order.id, close);
  const amountMinor = parseAmount(amount, unit);
  return (
    <Confirm
      isOpen
      title="Correct the amount?"
      act="Correct"
      isBusy={correct.isPending || amountMinor === null || reason.trim() === ''}
      error={correct.error}
      close={close}
      confirm={() => correct.mutate({ amountMinor, reason: reason.trim() })}
    >
      <p>
        It counts as {formatMoney(order.grossMinor, unit)}. What you say stands above all documents, those that arrive
        later too; what was paid already is netted by the next payout.
      </p>
      <TextField
        label={`What was really paid, in ${unit}`}
        inputMode="decimal"
        value={amount}
        problem={
          amount.trim() !== '' && amountMinor === null
            ? `must be an amount with at most ${digitsOf(unit)} decimals`
            : problemIn(correct.error, 'amountMinor', 'amount')
        }
        onChange={(event) => setAmount(event.target.value)}
      />
      <Reason value={reason} set={setReason} error={correct.error} />
    </Confirm>
  );
}

/** Says whose the order is, above all evidence. */
export function Reassign({ order, close }: Props): ReactNode {
  const [affiliateId, setAffiliateId] = useState('');
  const [reason, setReason] = useState('');
  const reassign = useCorrection(order.id, close);
  return (
    <Confirm
      isOpen
      title="Whose is this order?"
      act="Reassign"
      isBusy={reassign.isPending || affiliateId.trim() === '' || reason.trim() === ''}
      error={reassign.error}
      close={close}
      confirm={() => reassign.mutate({ affiliateId: affiliateId.trim(), reason: reason.trim() })}
    >
      <p>What you say stands above all evidence. What was paid to another is netted by the next payout.</p>
      <AffiliateField
        label="Affiliate (id or code; type a name to find one)"
        value={affiliateId}
        set={setAffiliateId}
        problem={problemIn(reassign.error, 'affiliateId')}
      />
      <Reason value={reason} set={setReason} error={reassign.error} />
    </Confirm>
  );
}

function Reason({
  value,
  set,
  error,
}: {
  value: string;
  set: (value: string) => void;
  error: Error | null;
}): ReactNode {
  return (
    <TextField
      label="Reason (kept for good, and shown)"
      required
      value={value}
      maxLength={1_000}
      problem={problemIn(error, 'reason')}
      onChange={(event) => set(event.target.value)}
    />
  );
}

function useCorrection(id: string, close: () => void): UseMutationResult<unknown, Error, object> {
  const where = useWhere();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: object) => call(`/conversions/${id}/corrections`, { method: 'POST', where, body }),
    onSuccess: () => {
      close();
      return queries.invalidateQueries();
    },
  });
}
