import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { call } from '../call.ts';
import { digitsOf, parseAmount } from '../currencies.ts';
import { formatCount, formatMoney } from '../formats.ts';
import { Named, WithNames } from '../names.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Failure } from '../parts/failure.tsx';
import { problemIn, TextField } from '../parts/text-field.tsx';
import { Money } from '../parts/values.tsx';
import { useAddress, usePlace, useWhere } from '../place.tsx';
import type { PayoutBatchDetail } from '../types.ts';

interface Props {
  close: () => void;
  /** This affiliate alone, in this currency; else everybody who has enough. */
  affiliateId?: string;
  currency?: string;
}

/** So many of a dry run are shown. */
const SHOWN = 100;

/** Pays out all that is payable above a minimum: shows first to whom and how much. */
export function PayOut({ close, affiliateId, currency: given }: Props): ReactNode {
  const where = useWhere();
  const { program } = usePlace();
  const address = useAddress();
  const [, navigate] = useLocation();
  const queries = useQueryClient();
  const [currency, setCurrency] = useState(given ?? program.currency);
  const [minimum, setMinimum] = useState('');
  const [reference, setReference] = useState('');
  const [note, setNote] = useState('');
  const minimumMinor = minimum.trim() === '' ? undefined : (parseAmount(minimum, currency) ?? null);
  const pay = (dryRun: boolean): Promise<PayoutBatchDetail> =>
    call<{ data: PayoutBatchDetail }>('/payouts/batches', {
      method: 'POST',
      where,
      body: {
        currency,
        minimumMinor,
        ...(affiliateId === undefined ? {} : { affiliateIds: [affiliateId] }),
        reference: reference.trim() || undefined,
        note: note.trim() || undefined,
        ...(dryRun ? { dryRun } : {}),
      },
    }).then(({ data }) => data);
  const preview = useMutation({ mutationFn: () => pay(true) });
  const make = useMutation({
    mutationFn: () => pay(false),
    onSuccess: (batch) => {
      close();
      navigate(address(`/payouts/${batch.id}?view=batches`));
      return queries.invalidateQueries();
    },
  });
  const error = make.error ?? preview.error;
  const isBusy = preview.isPending || make.isPending;
  // What was shown is what was asked then: whatever is typed afterwards has to be shown anew.
  const change = (set: (text: string) => void) => (event: { target: { value: string } }) => {
    set(event.target.value);
    preview.reset();
    make.reset();
  };
  return (
    <Dialog isOpen close={close} title="Pay out">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          preview.mutate();
        }}
      >
        <TextField
          label="Currency"
          value={currency}
          maxLength={3}
          required
          readOnly={given !== undefined}
          problem={problemIn(error, 'currency')}
          onChange={change((text) => setCurrency(text.toUpperCase()))}
          data-focus
        />
        <TextField
          label="Minimum (whoever has less waits; empty: none)"
          inputMode="decimal"
          value={minimum}
          problem={
            minimumMinor === null
              ? `must be an amount with at most ${digitsOf(currency)} decimals`
              : problemIn(error, 'minimumMinor')
          }
          onChange={change(setMinimum)}
        />
        <TextField
          label="Reference (by which the payments will be known)"
          value={reference}
          maxLength={255}
          problem={problemIn(error, 'reference')}
          onChange={change(setReference)}
        />
        <TextField
          label="Note (PayPal shows it to the recipient)"
          value={note}
          maxLength={1_000}
          problem={problemIn(error, 'note')}
          onChange={change(setNote)}
        />
        {error && <Failure error={error} />}
        {!preview.data && (
          <button type="submit" className="main" disabled={isBusy || minimumMinor === null}>
            Show what would be paid
          </button>
        )}
      </form>
      {preview.data && (
        <Preview batch={preview.data}>
          <button type="button" className="main" disabled={isBusy} onClick={() => make.mutate()}>
            Pay out {formatMoney(preview.data.totalMinor, preview.data.currency)}
          </button>
        </Preview>
      )}
    </Dialog>
  );
}

/** To whom and how much; the button is there where it is anything. */
function Preview({ batch, children }: { batch: PayoutBatchDetail; children: ReactNode }): ReactNode {
  const { count, totalMinor, currency, payouts } = batch;
  const shown = payouts.slice(0, SHOWN);
  if (count === 0) return <p role="status">Nothing is payable in {currency}, or nobody has as much as the minimum.</p>;
  return (
    <>
      <p role="status">
        {count === 1 ? 'One payout' : `${formatCount(count)} payouts`}, {formatMoney(totalMinor, currency)} in all. The
        hub moves no money: you pay them, and mark them as paid.
      </p>
      <div className="preview" tabIndex={0} role="region" aria-label="What would be paid">
        <WithNames of={shown}>
          <table>
            <caption className="hidden">What would be paid</caption>
            <thead>
              <tr>
                <th scope="col">Affiliate</th>
                <th scope="col" className="number">
                  Amount
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ affiliateId, amountMinor }) => (
                <tr key={affiliateId}>
                  <td>
                    <Named id={affiliateId} />
                  </td>
                  <td className="number">
                    <Money minor={amountMinor} currency={currency} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </WithNames>
      </div>
      {count > SHOWN && <p className="quiet">And {formatCount(count - SHOWN)} more.</p>}
      <p className="actions">{children}</p>
    </>
  );
}
