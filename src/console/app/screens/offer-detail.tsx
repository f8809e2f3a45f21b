import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { useKeys } from '../keyboard.ts';
import { ChangeButton } from '../parts/change-button.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { FiguresOf } from '../parts/figures.tsx';
import { TakeOver } from '../parts/take-over.tsx';
import { Id, Moment, Pairs, State } from '../parts/values.tsx';
import { useAddress, useMay, useMayChange } from '../place.tsx';
import { termsInWords } from '../terms.ts';
import type { Offer, Stats } from '../types.ts';
import { OfferForm } from './offer-form.tsx';
import { capOf } from './offer-cap.ts';

/** One offer: what it pays, in a sentence, and what came of it. */
export function OfferDetail({ id, back }: { id: string; back: string }): ReactNode {
  const offer = useOne<Offer>(`/offers/${id}`, { query: { include: 'capUsed' } });
  useKeys({ c: () => void navigator.clipboard.writeText(id) });
  return (
    <Drawer title={offer.data ? <bdi>{offer.data.name}</bdi> : 'Offer'} back={back}>
      {offer.error && <Failure error={offer.error} again={() => void offer.refetch()} />}
      {offer.data ? <Inside offer={offer.data} /> : !offer.error && <p className="quiet">Loading …</p>}
    </Drawer>
  );
}

/** The same, as a form. */
export function ChangeOffer({ id }: { id: string }): ReactNode {
  const address = useAddress();
  const offer = useOne<Offer>(`/offers/${id}`, { query: { include: 'capUsed' } });
  return (
    <Drawer title="Change the offer" back={address(`/offers/${id}`)}>
      {offer.error && <Failure error={offer.error} again={() => void offer.refetch()} />}
      {offer.data && <OfferForm offer={offer.data} />}
    </Drawer>
  );
}

function Inside({ offer }: { offer: Offer }): ReactNode {
  const { id, status, code, url, description, commission, currency, attributionWindowDays } = offer;
  const address = useAddress();
  return (
    <>
      <p className="why">{termsInWords(commission, currency)}</p>
      <Actions offer={offer} />
      <Pairs
        of={[
          ['Status', <State key="status" is={status} />],
          ['Code', <bdi key="code">{code}</bdi>],
          ['Leads to', <bdi key="url">{url}</bdi>],
          ...(description === null ? [] : [['Description', <bdi key="description">{description}</bdi>] as const]),
          ['A click counts', `${attributionWindowDays} ${attributionWindowDays === 1 ? 'day' : 'days'}`],
          ['Cap today', capOf(offer)],
          ['Currency', currency],
          ['Created', <Moment key="created" at={offer.createdAt} />],
          ['Id', <Id key="id" id={id} whole />],
        ]}
      />
      <Figures id={id} />
      <h3>More of it</h3>
      <p className="actions">
        <Link href={address(`/orders?offerId=${id}`)}>Orders</Link>
        <Link href={address(`/links?offerId=${id}`)}>Links</Link>
        <Link href={address(`/settings/audit?objectId=${id}`)}>Changes</Link>
      </p>
    </>
  );
}

function Figures({ id }: { id: string }): ReactNode {
  const may = useMay('stats:read');
  const stats = useOne<Stats>('/stats', { query: { offerId: id }, enabled: may });
  if (!may) return null;
  return (
    <>
      <h3>What came of it</h3>
      {stats.error && <Failure error={stats.error} again={() => void stats.refetch()} />}
      {stats.data && <FiguresOf figures={stats.data} orders={`/orders?offerId=${id}`} />}
    </>
  );
}

/** What a person may decide about it, as its state admits. */
function Actions({ offer: { id, status, name, livemode } }: { offer: Offer }): ReactNode {
  const address = useAddress();
  const path = `/offers/${id}`;
  if (!useMayChange('offers:write', livemode)) return null;
  return (
    <div className="actions">
      {status !== 'published' && (
        <ChangeButton path={path} body={{ status: 'published' }} act={status === 'draft' ? 'Publish' : 'Resume'} />
      )}
      <Link href={address(`/offers/${id}/change`)} className="button">
        Change
      </Link>
      {status === 'published' && (
        <ChangeButton path={path} body={{ status: 'paused' }} act="Pause" question={`Pause ${name}?`}>
          <p>Customers who come by it meanwhile earn nobody anything. Those who came before keep their terms.</p>
        </ChangeButton>
      )}
      {status !== 'archived' && (
        <ChangeButton path={path} body={{ status: 'archived' }} act="Archive" question={`Archive ${name}?`}>
          <p>New customers by it earn nobody anything. Those who came before keep their terms.</p>
        </ChangeButton>
      )}
      {!livemode && <TakeOver path={path} name={name} />}
    </div>
  );
}
