import type { Db } from '../db/db.ts';
import { insertList, selectList, updateList, type ChangesOf, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { AppError, found } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { forgetLinkTargets } from './link-targets.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findForeignKeyViolation } from '../db/pg-errors.ts';

/** The tenant: one advertiser's affiliate program. */
export interface Program {
  id: string;
  name: string;
  /** ISO 4217; the currency of offers that name none. */
  currency: string;
  /** IANA; day boundaries of caps, durations and statistics. */
  timezone: string;
  defaultOfferId: string | null;
  attribution: { model: 'last_click' | 'first_click'; couponFirst: boolean };
  /** Days that a commission waits before it can be approved. */
  holdDays: number;
  /** Whether commissions are approved when the hold is over; else only a person approves them. */
  autoApprove: boolean;
  /** Whether customers who were told of with one e-mail are one, whatever ids they have. */
  identifyByEmail: boolean;
  /** Whether browsers may make leads without a key (Affitor's browser mode). */
  browserLeads: boolean;
  /** What an equal domain of buyer and affiliate does: it is told in the explanation, or opens a review. */
  sameDomain: 'flag' | 'review';
  /** Days that a click which no order names is kept beyond the longest window of the program's offers. */
  clickRetentionDays: number;
  companyName: string | null;
  contactEmail: string | null;
  status: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface ProgramInput {
  name: string;
  currency?: string | undefined;
  timezone?: string | undefined;
  attribution?: { model?: Program['attribution']['model'] | undefined; couponFirst?: boolean | undefined } | undefined;
  holdDays?: number | undefined;
  autoApprove?: boolean | undefined;
  identifyByEmail?: boolean | undefined;
  browserLeads?: boolean | undefined;
  sameDomain?: Program['sameDomain'] | undefined;
  clickRetentionDays?: number | undefined;
  companyName?: string | null | undefined;
  contactEmail?: string | null | undefined;
}

export type ProgramChanges = ChangesOf<ProgramInput> & { defaultOfferId?: string | null | undefined };

export async function createProgram(db: Db, input: ProgramInput): Promise<Program> {
  const [row] = await runSql<ProgramRow>(
    db,
    'createProgram',
    `insert into programs ${inserted} returning ${selected}`,
    {
      id: newId('prg'),
      name: input.name,
      currency: input.currency ?? 'USD',
      timezone: input.timezone ?? 'UTC',
      attributionModel: input.attribution?.model ?? 'last_click',
      couponFirst: input.attribution?.couponFirst ?? false,
      holdDays: input.holdDays ?? 0,
      autoApprove: input.autoApprove ?? false,
      identifyByEmail: input.identifyByEmail ?? false,
      browserLeads: input.browserLeads ?? false,
      sameDomain: input.sameDomain ?? 'flag',
      clickRetentionDays: input.clickRetentionDays ?? 400,
      companyName: input.companyName ?? null,
      contactEmail: input.contactEmail ?? null,
    },
  );
  return toProgram(row as ProgramRow);
}

export async function findProgram(db: Db, programId: string): Promise<Program | null> {
  const [row] = await runSql<ProgramRow>(db, 'findProgram', `select ${selected} from programs where id = :programId`, {
    programId,
  });
  return row ? toProgram(row) : null;
}

/** For callers that take a program for granted, such as the one that a key belongs to. Throws NOT_FOUND. */
export async function getProgram(db: Db, programId: string): Promise<Program> {
  return found(await findProgram(db, programId), 'Program');
}

/** Newest first. */
export async function listPrograms(db: Db, page: PageRequest): Promise<Page<Program>> {
  const list = { name: 'listPrograms', select: `select ${selected} from programs`, id: 'id' };
  const { items, hasMore } = await selectPage<ProgramRow>(db, list, [], page);
  return { items: items.map(toProgram), hasMore };
}

/**
 * Changes what is given, for what is settled from now on: money that was settled before stays as it is. (Who is
 * one customer is not: src/operations/program-changes.ts.) Null for an unknown program. Throws VALIDATION_ERROR where the default offer is not one of the program's.
 */
export async function updateProgram(db: Db, programId: string, changes: ProgramChanges): Promise<Program | null> {
  const update = updateList(columns, {
    name: changes.name,
    currency: changes.currency,
    timezone: changes.timezone,
    defaultOfferId: changes.defaultOfferId,
    attributionModel: changes.attribution?.model,
    couponFirst: changes.attribution?.couponFirst,
    holdDays: changes.holdDays,
    autoApprove: changes.autoApprove,
    identifyByEmail: changes.identifyByEmail,
    browserLeads: changes.browserLeads,
    sameDomain: changes.sameDomain,
    clickRetentionDays: changes.clickRetentionDays,
    companyName: changes.companyName,
    contactEmail: changes.contactEmail,
  });
  try {
    const [row] = await runSql<ProgramRow>(
      db,
      'updateProgram',
      `update programs set ${update.sql}, updated_at = ${update.updatedAt} where id = :programId returning ${selected}`,
      { ...update.bindings, programId },
    );
    forgetLinkTargets(db, programId);
    return row ? toProgram(row) : null;
  } catch (error) {
    if (findForeignKeyViolation(error) === null) throw error;
    throw new AppError('VALIDATION_ERROR', 'Offer not found', {
      details: { defaultOfferId: 'is not an offer of this program' },
      cause: error,
    });
  }
}

type ProgramRow = Omit<Program, 'attribution'> & {
  attributionModel: Program['attribution']['model'];
  couponFirst: boolean;
};

const columns: Columns<keyof ProgramRow> = {
  id: 'id',
  name: 'name',
  currency: 'currency',
  timezone: 'timezone',
  defaultOfferId: 'default_offer_id',
  attributionModel: 'attribution_model',
  couponFirst: 'coupon_first',
  holdDays: 'hold_days',
  autoApprove: 'auto_approve',
  identifyByEmail: 'identify_by_email',
  browserLeads: 'browser_leads',
  sameDomain: 'same_domain',
  clickRetentionDays: 'click_retention_days',
  companyName: 'company_name',
  contactEmail: 'contact_email',
  status: 'status',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};
const selected = selectList(columns);
const inserted = insertList(columns, ['defaultOfferId', 'status', 'createdAt', 'updatedAt']);

function toProgram({ attributionModel, couponFirst, ...row }: ProgramRow): Program {
  return { ...row, attribution: { model: attributionModel, couponFirst } };
}
