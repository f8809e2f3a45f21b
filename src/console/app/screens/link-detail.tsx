import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { formatCount } from '../formats.ts';
import { useKeys } from '../keyboard.ts';
import { ChangeButton } from '../parts/change-button.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { TakeOver } from '../parts/take-over.tsx';
import { Copy, Id, Moment, Pairs, State } from '../parts/values.tsx';
import { useAddress, useMayChange } from '../place.tsx';
import type { TrackingLink } from '../types.ts';
import { LinkForm } from './link-form.tsx';

const query = { include: 'names' } as const;

/** One link: what to share, where it leads, and what came of it. */
export function LinkDetail({ id, back }: { id: string; back: string }): ReactNode {
  const link = useOne<TrackingLink>(`/tracking-links/${id}`, { query });
  useKeys({ c: () => void navigator.clipboard.writeText(link.data?.trackingUrl ?? id) });
  return (
    <Drawer title={link.data ? <bdi>{link.data.code}</bdi> : 'Link'} back={back}>
      {link.error && <Failure error={link.error} again={() => void link.refetch()} />}
      {link.data ? <Inside link={link.data} /> : !link.error && <p className="quiet">Loading …</p>}
    </Drawer>
  );
}

/** The same, as a form. */
export function ChangeLink({ id }: { id: string }): ReactNode {
  const address = useAddress();
  const link = useOne<TrackingLink>(`/tracking-links/${id}`, { query });
  return (
    <Drawer title="Change the link" back={address(`/links/${id}`)}>
      {link.error && <Failure error={link.error} again={() => void link.refetch()} />}
      {link.data && <LinkForm link={link.data} affiliate={link.data.affiliateId} offer={link.data.offerId} />}
    </Drawer>
  );
}

function Inside({ link }: { link: TrackingLink }): ReactNode {
  const { id, affiliateId, affiliateName, offerId, offerName, trackingUrl, status } = link;
  const address = useAddress();
  return (
    <>
      <p className="to-copy">
        <code>{trackingUrl}</code>
        <Copy text={trackingUrl} label="Copy the link">
          Copy
        </Copy>
      </p>
      <Actions link={link} />
      <Pairs
        of={[
          ['Status', <State key="status" is={status} />],
          [
            'Affiliate',
            <Link key="affiliate" href={address(`/affiliates/${affiliateId}`)}>
              <bdi>{affiliateName ?? affiliateId}</bdi>
            </Link>,
          ],
          [
            'Offer',
            <Link key="offer" href={address(`/offers/${offerId}`)}>
              <bdi>{offerName ?? offerId}</bdi>
            </Link>,
          ],
          ['Leads to', <bdi key="to">{link.destinationUrl}</bdi>],
          ['Clicks', formatCount(link.clicks)],
          ['Conversions', formatCount(link.conversions)],
          ['Crawlers', `${formatCount(link.crawlerVisits)}, which are no clicks`],
          ['Created', <Moment key="created" at={link.createdAt} />],
          ['Id', <Id key="id" id={id} whole />],
        ]}
      />
      <p className="actions">
        <Link href={address(`/orders?affiliateId=${affiliateId}&offerId=${offerId}`)}>
          Orders of this affiliate and offer
        </Link>
        <Link href={address(`/settings/audit?objectId=${id}`)}>Changes</Link>
      </p>
    </>
  );
}

function Actions({ link: { id, status, code, livemode } }: { link: TrackingLink }): ReactNode {
  const address = useAddress();
  const path = `/tracking-links/${id}`;
  if (!useMayChange('links:write', livemode)) return null;
  return (
    <div className="actions">
      {status === 'paused' && <ChangeButton path={path} body={{ status: 'active' }} act="Activate" />}
      <Link href={address(`/links/${id}/change`)} className="button">
        Change
      </Link>
      {status === 'active' && (
        <ChangeButton path={path} body={{ status: 'paused' }} act="Pause" question={`Pause ${code}?`}>
          <p>It leads on, and its visits are no clicks until it is active again.</p>
        </ChangeButton>
      )}
      {!livemode && <TakeOver path={path} name={code} />}
    </div>
  );
}
