import { stripInvisible } from '../../domain/codes.ts';
import { validationError } from '../../domain/errors.ts';
import { toPath } from './path-names.ts';

/** What a conversion, a postback or a funnel event may say, under whatever name the sender gives it. */
export type ConversionField =
  | 'clickId'
  | 'amount'
  | 'amountMinor'
  | 'orderId'
  | 'customerId'
  | 'customerEmail'
  | 'goal'
  | 'affiliateId'
  | 'referralCode'
  | 'couponCode'
  | 'currency'
  | 'isRenewal'
  | 'subscriptionId'
  | 'tax'
  | 'shipping'
  | 'status'
  | 'offerId'
  | 'productId'
  | 'occurredAt'
  | 'url'
  | 'sub1'
  | 'sub2'
  | 'sub3'
  | 'sub4'
  | 'sub5'
  | 'metadata'
  | 'secure';

/** The spellings by which each field is known, the preferred one first. */
export const fieldSpellings: Readonly<Record<ConversionField, readonly string[]>> = {
  clickId: ['clickid', 'click_id', 'cid'],
  amount: ['sum', 'amount', 'revenue'],
  amountMinor: ['amount_minor', 'amount_cents'],
  orderId: ['action_id', 'txid', 'order_id', 'external_id', 'transaction_id'],
  customerId: ['user_id', 'customer_id', 'customer_key'],
  customerEmail: ['customer_email'],
  goal: ['goal', 'event', 'event_type'],
  affiliateId: ['affiliate_id'],
  referralCode: ['referral_code'],
  couponCode: ['coupon_code'],
  currency: ['currency'],
  isRenewal: ['is_recurring', 'renewal'],
  subscriptionId: ['subscription_id'],
  tax: ['tax'],
  shipping: ['shipping'],
  status: ['status'],
  offerId: ['offer_id'],
  productId: ['product_id'],
  occurredAt: ['occurred_at'],
  url: ['url'],
  sub1: ['sub1'],
  sub2: ['sub2'],
  sub3: ['sub3'],
  sub4: ['sub4'],
  sub5: ['sub5'],
  metadata: ['metadata'],
  secure: ['secure'],
};

/** What a name means. `rank` 0 names the field; a higher one counts only where no lower one is given. */
export interface NamedField {
  field: ConversionField;
  rank: number;
}
/** Null: a name that the source says is not one of our fields. */
export type FieldNames = ReadonlyMap<string, NamedField | null>;

export const defaultFieldNames: FieldNames = nameFields();

/**
 * The default names with a source's own on top: `{theirs: ours}`, where ours is any of the spellings above. `?` at its end
 * makes theirs a fallback; '' means that theirs is not ours at all. Throws VALIDATION_ERROR for an unknown ours.
 */
export function renameFields(...maps: ReadonlyArray<Readonly<Record<string, string>>>): FieldNames {
  const names = new Map(defaultFieldNames);
  // The spellings of a name that are keys here, so that a long list of renamings is not compared with all names each time.
  const spellings = new Map<string, string[]>();
  for (const name of names.keys()) spellings.set(foldName(name), [...(spellings.get(foldName(name)) ?? []), name]);
  for (const [theirs, ours] of maps.flatMap(Object.entries<string>)) {
    const fallback = /\?*$/.exec(ours)?.[0].length ?? 0;
    const named = ours === '' ? null : defaultFieldNames.get(foldName(ours.slice(0, ours.length - fallback)));
    if (named === undefined || theirs.trim() === '') {
      const known = Object.values(fieldSpellings).map((spellings) => spellings[0]);
      throw validationError(`fields: '${ours}' is no field of a conversion`, {
        [`fields.${theirs}`]: `must be one of ${known.join(', ')}, or another spelling of them`,
      });
    }
    const folded = foldName(toPath(theirs));
    const meaning = named && { field: named.field, rank: fallback };
    // The default spellings of that name are keys, too.
    for (const name of spellings.get(folded) ?? []) names.set(name, meaning);
    names.set(folded, meaning);
    names.set(theirs, meaning);
    spellings.set(folded, [...new Set([...(spellings.get(folded) ?? []), folded, theirs])]);
  }
  return names;
}

/** What a name means. Undefined: a field of the sender's own. */
export function findField(names: FieldNames, name: string): NamedField | null | undefined {
  // The usual spellings are keys themselves: most names need no folding.
  const exact = names.get(name);
  return exact === undefined ? names.get(foldName(name)) : exact;
}

/** Whether a name is that of a key: such a value is never stored. */
export function isKeyName(names: FieldNames, name: string): boolean {
  return findField(names, name)?.field === 'secure';
}

function nameFields(): FieldNames {
  const names = new Map<string, NamedField>();
  for (const [field, spellings] of Object.entries(fieldSpellings) as [ConversionField, string[]][]) {
    for (const spelling of spellings) {
      names.set(spelling, { field, rank: 0 });
      names.set(foldName(spelling), { field, rank: 0 });
    }
  }
  return names;
}

/** Matching ignores case, `_` and `-`, and what cannot be seen, which comes along when a name is copied. */
export function foldName(name: string): string {
  return stripInvisible(name).trim().toLowerCase().replaceAll(/[_-]/g, '');
}
