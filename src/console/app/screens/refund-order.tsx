import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { digitsOf, parseAmount } from '../currencies.ts';
import { formatMoney } from '../formats.ts';
import { Confirm } from '../parts/confirm.tsx';
import { problemIn, TextField } from '../parts/text-field.tsx';
import { useWhere } from '../place.tsx';
import type { ConversionDetail } from '../types.ts';

/** Asks how much went back to the customer, and records it. The money itself goes back where it was paid. */
export function RefundOrder({ order, close }: { order: ConversionDetail; close: () => void }): ReactNode {
  const { id, currency, grossMinor, refundedMinor } = order;
  const where = useWhere();
  const queries = useQueryClient();
  // Made once: where the answer is lost on its way, asking again refunds nothing twice.
  const [refundId] = useState(makeRefundId);
  const [amount, setAmount] = useState('');
  const [reason, setReason] = useState('');
  const unit = currency ?? 'USD';
  const remaining = formatMoney(grossMinor - refundedMinor, unit);
  const amountMinor = amount.trim() === '' ? undefined : (parseAmount(amount, unit) ?? null);
  const refund = useMutation({
    mutationFn: () =>
      call(`/conversions/${id}/refunds`, {
        method: 'POST',
        where,
        body: { refundId, amountMinor, ...(reason.trim() === '' ? {} : { reason: reason.trim() }) },
      }),
    onSuccess: () => {
      close();
      return queries.invalidateQueries();
    },
  });
  return (
    <Confirm
      isOpen
      title="Refund this order?"
      act="Refund"
      isBusy={refund.isPending || amountMinor === null}
      error={refund.error}
      close={close}
      confirm={() => refund.mutate()}
    >
      <p>
        This records that money went back to the customer; it moves none. The commission shrinks with it, and what was
        paid already is taken from the next payout.
      </p>
      <TextField
        label={`Amount in ${unit} (empty: all that remains, ${remaining})`}
        inputMode="decimal"
        value={amount}
        problem={
          amountMinor === null
            ? `must be an amount with at most ${digitsOf(unit)} decimals`
            : problemIn(refund.error, 'amountMinor')
        }
        onChange={(event) => setAmount(event.target.value)}
      />
      <TextField
        label="Reason (kept, and shown)"
        value={reason}
        maxLength={500}
        problem={problemIn(refund.error, 'reason')}
        onChange={(event) => setReason(event.target.value)}
      />
    </Confirm>
  );
}

/** Any browser can make one: `randomUUID` is there on https alone. */
function makeRefundId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `console-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
