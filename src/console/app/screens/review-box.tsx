import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useOne } from '../ask.ts';
import { formatMoney, wordsOf } from '../formats.ts';
import { Moment, Money } from '../parts/values.tsx';
import { useAddress, useMay } from '../place.tsx';
import type { Review } from '../types.ts';
import { Named, WithNames } from '../names.tsx';
import { DecideReviews, type ReviewChoice } from './decide-reviews.tsx';

type Evidence = Review['evidence'][number];

/** Why an order is held for a person, and the decision; nothing where it is not. */
export function ReviewBox({ id }: { id: string }): ReactNode {
  const found = useOne<Review[]>('/reviews', { query: { conversionId: id } });
  const review = found.data?.[0];
  return review ? <Open review={review} /> : null;
}

function Open({ review }: { review: Review }): ReactNode {
  const address = useAddress();
  const may = useMay('commissions:write');
  const [choice, setChoice] = useState<ReviewChoice | null>(null);
  const { id, since, evidence, ledger, joinedConversionIds } = review;
  const candidates = new Map(
    evidence.flatMap(({ affiliates }) => affiliates.map((one) => [one.id, one.displayName ?? one.id] as const)),
  );
  return (
    <section className="why" aria-label="Review">
      <p className="verdict">
        In review since <Moment at={since} />: nobody is paid before somebody decides.
      </p>
      <ul>
        {evidence.map((one, index) => (
          <li key={`${one.reason} ${index}`}>
            <bdi>{sentenceOf(one)}</bdi>
          </li>
        ))}
      </ul>
      {joinedConversionIds.length > 0 && (
        <p>
          Taken for one with:{' '}
          {joinedConversionIds.map((other) => (
            <Link key={other} href={address(`/orders/${other}`)}>
              {other}
            </Link>
          ))}
        </p>
      )}
      {ledger.length > 0 && (
        <WithNames of={ledger}>
          <ul>
            {ledger.map(({ affiliateId, currency, amountMinor, inPayoutMinor }) => (
              <li key={`${affiliateId} ${currency}`}>
                <Named id={affiliateId} />: <Money minor={amountMinor} currency={currency} /> posted
                {inPayoutMinor !== 0 && (
                  <>
                    , <Money minor={inPayoutMinor} currency={currency} /> of it in a payout
                  </>
                )}
              </li>
            ))}
          </ul>
        </WithNames>
      )}
      {may && (
        <p className="actions">
          <button type="button" onClick={() => setChoice({ status: 'approved' })}>
            Approve as it is …
          </button>
          <button type="button" onClick={() => setChoice({ status: 'rejected' })}>
            Reject …
          </button>
          {candidates.size > 1 &&
            [...candidates].map(([affiliateId, name]) => (
              <button key={affiliateId} type="button" onClick={() => setChoice({ affiliateId, name })}>
                It is <bdi>{name}</bdi>’s …
              </button>
            ))}
        </p>
      )}
      <DecideReviews ids={[id]} choice={choice} close={() => setChoice(null)} />
    </section>
  );
}

function sentenceOf({ reason, because, affiliates, domains, facts }: Evidence): string {
  const [credited, ...others] = affiliates.map(({ id, displayName }) => displayName ?? id);
  const other = others.join(', ') || 'nobody of this program';
  const sentences: Readonly<Record<typeof reason, string>> = {
    same_domain: `Buyer and affiliate have addresses at ${domains.join(', ')}.`,
    joined_affiliates_differ: `Only the amount joins these orders, and they name different affiliates: ${[credited, ...others].join(', ')}.`,
    paid_to_another:
      because === 'named'
        ? `It is credited to ${credited ?? 'nobody'}, and newer evidence names ${other}.`
        : `It is credited to ${credited ?? 'nobody'}, and a payout paid ${other} for it.`,
    currency_mismatch: `In another currency than the payment: ${facts.map(tellFact).join('; ')}.`,
  };
  return sentences[reason];
}

function tellFact({ type, amountMinor, currency }: Evidence['facts'][number]): string {
  const amount = amountMinor === null || currency === null ? '' : ` of ${formatMoney(amountMinor, currency)}`;
  return `${wordsOf(type)}${amount}`;
}
