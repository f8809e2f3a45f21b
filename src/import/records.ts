import type { z } from 'zod';
import { validate } from '../http/validate.ts';
import type { FactAmount } from '../domain/facts.ts';
import type { CommissionOverride, CommissionTerms } from '../domain/terms.ts';
import type { AffiliateStatus, AffiliateType } from '../program/affiliates.ts';
import type { OfferStatus } from '../program/offers.ts';

/**
 * What an import brings, whatever the system that it comes from. Affiliates and offers are named by their id or code there;
 * `null` is what that system does not say.
 */
export type ImportRecord =
  | ImportedOffer
  | ImportedAffiliate
  | ImportedLink
  | ImportedClick
  | ImportedCustomer
  | ImportedOrder;
export type RecordKind = ImportRecord['kind'];

export interface ImportedOffer {
  kind: 'offer';
  id: string | null;
  code: string | null;
  name: string;
  /** Null: only an offer that exists already can be meant. */
  url: string | null;
  description: string | null;
  commission: CommissionTerms;
  /** Null: the program's. */
  currency: string | null;
  attributionWindowDays: number | null;
  dailyCap: number | null;
  status: OfferStatus;
}

export interface ImportedAffiliate {
  kind: 'affiliate';
  id: string | null;
  displayName: string;
  email: string;
  type: AffiliateType;
  status: AffiliateStatus;
  companyName: string | null;
  website: string | null;
  paymentEmail: string | null;
  paymentMethod: string | null;
  paymentDetails: string | null;
  /** Null: one is made of the name. */
  referralCode: string | null;
  couponCodes: string[];
  commissionOverride: CommissionOverride | null;
  customFields: Record<string, unknown>;
  createdAt: Date | null;
  activatedAt: Date | null;
}

export interface ImportedLink {
  kind: 'link';
  id: string | null;
  code: string;
  affiliate: string;
  /** Null: the program's default offer. */
  offer: string | null;
  /** Where it leads; null: to the offer. */
  url: string | null;
}

export interface ImportedClick {
  kind: 'click';
  id: string;
  affiliate: string | null;
  /** The code of the link that was clicked. */
  link: string | null;
  offer: string | null;
  occurredAt: Date;
  subs: (string | null)[];
  sourceUrl: string | null;
}

/** Who bought, by every name that the system has. */
export interface ImportedBuyer {
  customerId: string | null;
  email: string | null;
  subscriptionId: string | null;
}

export interface ImportedCustomer extends ImportedBuyer {
  kind: 'customer';
  affiliate: string | null;
  clickId: string | null;
  offer: string | null;
  since: Date | null;
}

export interface ImportedOrder extends ImportedBuyer {
  kind: 'order';
  orderId: string;
  affiliate: string | null;
  clickId: string | null;
  offer: string | null;
  amount: FactAmount | null;
  occurredAt: Date | null;
}

/** What most systems do not say of an affiliate. */
export const plainAffiliate: Pick<
  ImportedAffiliate,
  | 'type'
  | 'companyName'
  | 'website'
  | 'paymentEmail'
  | 'paymentMethod'
  | 'paymentDetails'
  | 'referralCode'
  | 'couponCodes'
  | 'commissionOverride'
  | 'customFields'
> = {
  type: 'external',
  companyName: null,
  website: null,
  paymentEmail: null,
  paymentMethod: null,
  paymentDetails: null,
  referralCode: null,
  couponCodes: [],
  commissionOverride: null,
  customFields: {},
};

export const nobody: ImportedBuyer = { customerId: null, email: null, subscriptionId: null };

/** Where a record stands: `row` is the item's number in a JSON list, the line in CSV and JSON Lines; both from 1. */
export interface RowPosition {
  file: string;
  row: number;
}

/** How rows call fields that are checked against other rows: `{referralCode: 'shortCode'}`; the others as here. */
export type RowNames = Readonly<Record<string, string>>;

export type Located<R extends ImportRecord = ImportRecord> = R & { at: RowPosition; names: RowNames };

/** What is wrong with a row; `field` is the name that the row has for it, null where the row itself is wrong. */
export interface Problem {
  at: RowPosition;
  field: string | null;
  message: string;
}

/** What reading a row may need to know of the program. */
export interface ReadContext {
  /** The program's currency. */
  currency: string;
}

/** One kind of object that a system lists. */
export interface ImportKind {
  /** In words: 'affiliate'. */
  what: string;
  /** The fields that tell it from the system's other kinds; each alternative is one set. */
  marks: readonly (readonly string[])[];
  /** Throws VALIDATION_ERROR with `details` where a field is wrong. */
  read: (item: object, context: ReadContext) => ImportRecord[];
  names: RowNames;
}

/** How a system's lists are read. */
export interface ImportFormat {
  kinds: readonly ImportKind[];
  /** The system takes leads from browsers without a key, and so does the program from then on. */
  browserLeads?: true;
}

/** A kind by the schema of its items; fields that the schema does not name are ignored. */
export function defineKind<S extends z.ZodType>(
  what: string,
  marks: ImportKind['marks'],
  schema: S,
  toRecords: (item: z.output<S>, context: ReadContext) => ImportRecord[],
  names: RowNames = {},
): ImportKind {
  return { what, marks, names, read: (item, context) => toRecords(validate(schema, item, 'The row'), context) };
}
