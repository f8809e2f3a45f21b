import { useState, type ReactNode } from 'react';
import { useMay } from '../place.tsx';
import type { ConversionDetail } from '../types.ts';
import { CorrectAmount, Reassign } from './correct-order.tsx';
import { RefundOrder } from './refund-order.tsx';

type Asked = 'refund' | 'amount' | 'affiliate';

/** What a person may put right about an order's money, as its state admits; each asks first. */
export function OrderCorrections({ order }: { order: ConversionDetail }): ReactNode {
  const mayRefund = useMay('refunds:write') && order.grossMinor > order.refundedMinor;
  const mayCorrect = useMay('corrections:write') && order.mergedInto === null && order.status !== 'rejected';
  const [asked, setAsked] = useState<Asked | null>(null);
  if (!mayRefund && !mayCorrect) return null;
  const close = (): void => setAsked(null);
  return (
    <>
      <p className="actions">
        {mayRefund && (
          <button type="button" onClick={() => setAsked('refund')}>
            Refund …
          </button>
        )}
        {mayCorrect && order.grossMinor > 0 && (
          <button type="button" onClick={() => setAsked('amount')}>
            Correct the amount …
          </button>
        )}
        {mayCorrect && (
          <button type="button" onClick={() => setAsked('affiliate')}>
            Reassign …
          </button>
        )}
      </p>
      {asked === 'refund' && <RefundOrder order={order} close={close} />}
      {asked === 'amount' && <CorrectAmount order={order} close={close} />}
      {asked === 'affiliate' && <Reassign order={order} close={close} />}
    </>
  );
}
