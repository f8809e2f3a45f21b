import { derivedId, identityOf } from './ids.ts';
import type { Wanted } from './known.ts';
import type { Located } from './records.ts';

/** What has to be asked of the database to plan an import. */
export function wantedBy(records: readonly Located[], programId: string): Wanted {
  const wanted: Wanted = {
    affiliates: new Set(),
    coupons: new Set(),
    emails: new Set(),
    offers: new Set(),
    links: new Set(),
    linkIds: new Set(),
    clicks: new Set(),
  };
  const addAll = (set: Set<string>, ...texts: (string | null)[]): void => {
    for (const text of texts) if (text !== null) set.add(text);
  };
  for (const record of records) {
    if (record.kind === 'affiliate') {
      const identity = identityOf(record);
      addAll(wanted.affiliates, record.id, record.referralCode, derivedId(programId, 'aff', identity));
      addAll(wanted.emails, record.email.toLowerCase());
      addAll(wanted.coupons, ...record.couponCodes);
    } else if (record.kind === 'offer') {
      addAll(
        wanted.offers,
        record.id,
        record.code,
        derivedId(programId, 'off', record.id ?? record.code ?? record.name),
      );
    } else {
      addAll(wanted.affiliates, record.affiliate);
      addAll(wanted.offers, record.offer);
    }
    if (record.kind === 'link') {
      addAll(wanted.links, record.code);
      addAll(wanted.linkIds, record.id);
    } else if (record.kind === 'click') {
      addAll(wanted.clicks, record.id);
      addAll(wanted.links, record.link);
    } else if (record.kind === 'customer' || record.kind === 'order') addAll(wanted.clicks, record.clickId);
  }
  return wanted;
}
