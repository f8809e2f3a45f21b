import { useState, type ReactNode } from 'react';
import { useParams } from 'wouter';
import { useView, Views } from '../parts/views.tsx';
import { useAddress, useMay, usePlace } from '../place.tsx';
import { BalanceDetail } from './balance-detail.tsx';
import { BatchDetail } from './batch-detail.tsx';
import { PayOut } from './pay-out.tsx';
import { PayoutDetail } from './payout-detail.tsx';
import { Balances, Batches, PayoutList } from './payout-lists.tsx';

const views = [
  ['balances', 'Balances'],
  ['payouts', 'Payouts'],
  ['batches', 'Batches'],
] as const;

/** Who gets how much, and what was paid. What is open is told by its id: an affiliate's balances, a payout, or a batch of them. */
export default function Payouts(): ReactNode {
  const address = useAddress();
  const { mode } = usePlace();
  const { id } = useParams<{ id?: string }>();
  const view = useView(views);
  const may = useMay('payouts:write') && mode === 'live';
  const [isPaying, setPaying] = useState(false);
  const back = address('/payouts');
  return (
    <div className="list-and-detail" data-open={id !== undefined}>
      <section className="list-side">
        <h1>Payouts</h1>
        {mode === 'test' && (
          <p className="quiet">Test money is never payable: there are no balances and no payouts in test mode.</p>
        )}
        <div className="bar">
          <Views of={views} at={back} />
          {may && (
            <button type="button" className="main" onClick={() => setPaying(true)}>
              Pay out …
            </button>
          )}
        </div>
        {view === 'balances' && <Balances openId={id} />}
        {view === 'payouts' && <PayoutList openId={id} />}
        {view === 'batches' && <Batches openId={id} />}
      </section>
      {isPaying && <PayOut close={() => setPaying(false)} />}
      {id !== undefined && <Detail key={id} id={id} back={back} />}
    </div>
  );
}

function Detail({ id, back }: { id: string; back: string }): ReactNode {
  if (id.startsWith('pab_')) return <BatchDetail id={id} back={back} />;
  if (id.startsWith('pay_')) return <PayoutDetail id={id} back={back} />;
  return <BalanceDetail affiliateId={id} back={back} />;
}
