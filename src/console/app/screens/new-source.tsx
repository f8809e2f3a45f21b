import type { ReactNode } from 'react';
import { Link, useParams, useSearchParams } from 'wouter';
import { useOne } from '../ask.ts';
import { Failure } from '../parts/failure.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { SourceDetail } from '../types.ts';
import { NewRevenuecat } from './new-revenuecat.tsx';
import { NewStripe } from './new-stripe.tsx';
import { NewTracker } from './new-tracker.tsx';

const kinds = {
  stripe: { title: 'Stripe', what: 'Checkout, payment links, subscriptions, invoices', Page: NewStripe },
  revenuecat: {
    title: 'RevenueCat',
    what: 'Subscriptions in apps: App Store, Google Play and others',
    Page: NewRevenuecat,
  },
  postback: {
    title: 'A tracker',
    what: 'Voluum, Keitaro, Binom, Everflow, TUNE and others, by postback',
    Page: NewTracker,
  },
} as const;

/** Adds a source, step by step. Which one is being added stands in the address, by its ref. */
export default function NewSource(): ReactNode {
  const address = useAddress();
  const may = useMay('sources:write');
  const { kind } = useParams<{ kind?: string }>();
  const [params] = useSearchParams();
  const ref = params.get('source');
  const source = useOne<SourceDetail>(`/sources/${ref ?? ''}`, { enabled: ref !== null });
  const chosen = kind !== undefined && Object.hasOwn(kinds, kind) ? kinds[kind as keyof typeof kinds] : undefined;
  if (!may) {
    return (
      <div className="reading">
        <h1>Add a source</h1>
        <p>Whoever may change sources can add one. Your key may not.</p>
      </div>
    );
  }
  if (!chosen) {
    return (
      <div className="reading">
        <h1>Where do your sales come from?</h1>
        <ul className="choices">
          {Object.entries(kinds).map(([name, { title, what }]) => (
            <li key={name}>
              <Link href={address(`/sources/new/${name}`)}>{title}</Link>
              <span className="quiet">{what}</span>
            </li>
          ))}
        </ul>
        <p className="quiet">
          Your own server needs no source: it sends conversions to <code>POST /api/v1/conversions</code> with an API
          key.
        </p>
      </div>
    );
  }
  return (
    <div className="reading wizard">
      <h1>Add {chosen.title === 'A tracker' ? 'a tracker' : chosen.title}</h1>
      {source.error && <Failure error={source.error} again={() => void source.refetch()} />}
      {ref !== null && source.isPending ? (
        <p className="quiet">Loading …</p>
      ) : (
        <chosen.Page {...(source.data ? { source: source.data } : {})} />
      )}
      {source.data && (
        <p className="actions">
          <Link href={address(`/sources/${source.data.ref}`)}>Done: to the source</Link>
        </p>
      )}
    </div>
  );
}
