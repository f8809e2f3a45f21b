import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { useKeys } from '../keyboard.ts';
import { Amounts } from '../parts/amounts.tsx';
import { ChangeButton } from '../parts/change-button.tsx';
import { Drawer } from '../parts/drawer.tsx';
import { Failure } from '../parts/failure.tsx';
import { FiguresOf } from '../parts/figures.tsx';
import { TakeOver } from '../parts/take-over.tsx';
import { Copy, Id, Moment, Pairs, State } from '../parts/values.tsx';
import { useAddress, useMay, useMayChange, usePlace } from '../place.tsx';
import { formatRate } from '../terms.ts';
import type { AffiliateDetail as Affiliate, AffiliateBalance } from '../types.ts';
import { AffiliateForm } from './affiliate-form.tsx';
import { PostbackTest } from './postback-test.tsx';

/** One affiliate: their numbers, their money, their links. */
export function AffiliateDetail({ id, back }: { id: string; back: string }): ReactNode {
  const affiliate = useOne<Affiliate>(`/affiliates/${id}`);
  useKeys({ c: () => void navigator.clipboard.writeText(id) });
  return (
    <Drawer title={affiliate.data ? <bdi>{affiliate.data.displayName}</bdi> : 'Affiliate'} back={back}>
      {affiliate.error && <Failure error={affiliate.error} again={() => void affiliate.refetch()} />}
      {affiliate.data ? <Inside affiliate={affiliate.data} /> : !affiliate.error && <p className="quiet">Loading …</p>}
    </Drawer>
  );
}

/** The same, as a form. */
export function ChangeAffiliate({ id }: { id: string }): ReactNode {
  const address = useAddress();
  const affiliate = useOne<Affiliate>(`/affiliates/${id}`);
  return (
    <Drawer title="Change the affiliate" back={address(`/affiliates/${id}`)}>
      {affiliate.error && <Failure error={affiliate.error} again={() => void affiliate.refetch()} />}
      {affiliate.data && <AffiliateForm affiliate={affiliate.data} />}
    </Drawer>
  );
}

function Inside({ affiliate }: { affiliate: Affiliate }): ReactNode {
  const { id, status, referralCode, couponCodes, trackingUrl, stats, postbackUrl } = affiliate;
  const address = useAddress();
  return (
    <>
      <p className="to-copy">
        <code>{trackingUrl}</code>
        <Copy text={trackingUrl} label="Copy their link">
          Copy
        </Copy>
      </p>
      <Actions affiliate={affiliate} />
      <Pairs
        of={[
          ['Status', <State key="status" is={status} />],
          ['Code', <bdi key="code">{referralCode}</bdi>],
          ...(couponCodes.length === 0
            ? []
            : [['Coupons', <bdi key="coupons">{couponCodes.join(', ')}</bdi>] as const]),
          ['E-mail', <bdi key="email">{affiliate.email}</bdi>],
          ...optional('Company', affiliate.companyName),
          ...optional('Website', affiliate.website),
          ['Own terms', <OwnTerms key="terms" of={affiliate.commissionOverride} />],
          ...optional('Paid by', affiliate.paymentMethod),
          ...optional('Paid to', affiliate.paymentEmail),
          ['Active since', <Moment key="active" at={affiliate.activatedAt} />],
          ['Id', <Id key="id" id={id} whole />],
        ]}
      />
      <h3>What they brought</h3>
      <FiguresOf figures={stats} orders={`/orders?affiliateId=${id}`} />
      <Money id={id} />
      <h3>More of them</h3>
      <p className="actions">
        <Link href={address(`/orders?affiliateId=${id}`)}>Orders</Link>
        <Link href={address(`/links?affiliateId=${id}`)}>Links</Link>
        <Link href={address(`/payouts?affiliateId=${id}`)}>Payouts</Link>
        <Link href={address(`/settings/audit?objectId=${id}`)}>Changes</Link>
      </p>
      {postbackUrl !== null && (
        <>
          <h3>Their tracker is told by</h3>
          <p className="to-copy">
            <code>{postbackUrl}</code>
          </p>
          <PostbackTest url={postbackUrl} />
        </>
      )}
    </>
  );
}

function optional(name: string, value: string | null): (readonly [string, ReactNode])[] {
  return value === null ? [] : [[name, <bdi key={name}>{value}</bdi>]];
}

function OwnTerms({ of }: { of: Affiliate['commissionOverride'] }): ReactNode {
  const { program } = usePlace();
  if (of === null) return 'none: those of the offer';
  if ('rateBps' in of) return `${formatRate(of.rateBps)}, where the offer pays a rate`;
  return (
    <>
      <Amounts of={[{ currency: program.currency, minor: of.amountMinor }]} />, where the offer pays an amount
    </>
  );
}

/** What a person may decide about them, as their state admits. */
function Actions({ affiliate: { id, status, displayName, livemode } }: { affiliate: Affiliate }): ReactNode {
  const address = useAddress();
  const path = `/affiliates/${id}`;
  if (!useMayChange('affiliates:write', livemode)) return null;
  return (
    <div className="actions">
      {status === 'pending' && <ChangeButton path={path} body={{ status: 'active' }} act="Approve" />}
      {(status === 'paused' || status === 'banned') && (
        <ChangeButton path={path} body={{ status: 'active' }} act="Activate" />
      )}
      <Link href={address(`/affiliates/${id}/change`)} className="button">
        Change
      </Link>
      {status === 'active' && (
        <ChangeButton path={path} body={{ status: 'paused' }} act="Pause" question={`Pause ${displayName}?`}>
          <p>Customers who come by them meanwhile earn them nothing. Those they brought before go on as agreed.</p>
        </ChangeButton>
      )}
      {status !== 'banned' && (
        <ChangeButton path={path} body={{ status: 'banned' }} act="Ban" question={`Ban ${displayName}?`}>
          <p>Their links lead on without a click, nothing new is credited to them, and nothing is paid out to them.</p>
        </ChangeButton>
      )}
      {!livemode && <TakeOver path={path} name={displayName} />}
    </div>
  );
}

/** Live money, by currency. */
function Money({ id }: { id: string }): ReactNode {
  const { mode } = usePlace();
  const isShown = useMay('balances:read') && mode === 'live';
  const balances = useOne<AffiliateBalance[]>('/balances', { query: { affiliateId: id }, enabled: isShown });
  if (!isShown) return null;
  const of = (name: 'pendingMinor' | 'approvedMinor' | 'inPayoutMinor' | 'paidMinor' | 'payableMinor'): ReactNode => (
    <Amounts of={balances.data?.map((each) => ({ currency: each.currency, minor: each[name] })) ?? []} />
  );
  return (
    <>
      <h3>Their money</h3>
      {balances.error && <Failure error={balances.error} again={() => void balances.refetch()} />}
      <Pairs
        of={[
          ['Pending', of('pendingMinor')],
          ['Approved', of('approvedMinor')],
          ['In payout', of('inPayoutMinor')],
          ['Paid', of('paidMinor')],
          ['Payable now', of('payableMinor')],
        ]}
      />
    </>
  );
}
