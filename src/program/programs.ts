import type { Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { buildUpdate, type ChangesOf } from '../db/update.ts';
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
  /** Approve when the hold is over; else only a person does. */
  autoApprove: boolean;
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
  companyName?: string | null | undefined;
  contactEmail?: string | null | undefined;
}

export type ProgramChanges = ChangesOf<ProgramInput> & { defaultOfferId?: string | null | undefined };

export async function createProgram(db: Db, input: ProgramInput): Promise<Program> {
  const [row] = await runPositional<ProgramRow>(
    db,
    `insert into programs (id, name, currency, timezone, attribution_model, coupon_first, hold_days, auto_approve,
       company_name, contact_email)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) returning ${columns}`,
    [
      newId('prg'),
      input.name,
      input.currency ?? 'USD',
      input.timezone ?? 'UTC',
      input.attribution?.model ?? 'last_click',
      input.attribution?.couponFirst ?? false,
      input.holdDays ?? 0,
      input.autoApprove ?? false,
      input.companyName ?? null,
      input.contactEmail ?? null,
    ],
  );
  return toProgram(row as ProgramRow);
}

export async function findProgram(db: Db, programId: string): Promise<Program | null> {
  const [row] = await runPositional<ProgramRow>(db, `select ${columns} from programs where id = ?`, [programId]);
  return row ? toProgram(row) : null;
}

/** A program that must be there, as the one that a key is bound to. */
export async function getProgram(db: Db, programId: string): Promise<Program> {
  const program = await findProgram(db, programId);
  if (!program) throw new AppError('NOT_FOUND', 'Program not found');
  return program;
}

/** Programs, newest first. */
export async function listPrograms(db: Db, page: PageRequest): Promise<Page<Program>> {
  const { items, hasMore } = await selectPage<ProgramRow>(db, `select ${columns} from programs`, 'id', [], page);
  return { items: items.map(toProgram), hasMore };
}

/**
 * Changes what is given. Money that was settled stays as it is: the changes count for what is settled from now on.
 * Throws VALIDATION_ERROR where the default offer is not one of the program's; null for an unknown program.
 */
export async function updateProgram(db: Db, programId: string, changes: ProgramChanges): Promise<Program | null> {
  const update = buildUpdate({
    name: changes.name,
    currency: changes.currency,
    timezone: changes.timezone,
    default_offer_id: changes.defaultOfferId,
    attribution_model: changes.attribution?.model,
    coupon_first: changes.attribution?.couponFirst,
    hold_days: changes.holdDays,
    auto_approve: changes.autoApprove,
    company_name: changes.companyName,
    contact_email: changes.contactEmail,
  });
  try {
    const [row] = await runPositional<ProgramRow>(
      db,
      `update programs set ${update.sql}, updated_at = now() where id = ? returning ${columns}`,
      [...update.bindings, programId],
    );
    return row ? toProgram(row) : null;
  } catch (error) {
    if (findForeignKeyViolation(error) === null) throw error;
    throw new AppError('VALIDATION_ERROR', 'Offer not found', {
      details: { defaultOfferId: 'is not an offer of this program' },
      cause: error,
    });
  }
}

/** A program's first offer becomes its default offer; later ones change nothing. */
export async function setFirstDefaultOffer(db: Db, programId: string, offerId: string): Promise<void> {
  await runPositional(
    db,
    `update programs set default_offer_id = ?, updated_at = now() where id = ? and default_offer_id is null`,
    [offerId, programId],
  );
}

type ProgramRow = Omit<Program, 'attribution'> & {
  attributionModel: Program['attribution']['model'];
  couponFirst: boolean;
};

const columns = `id, name, currency, timezone, default_offer_id as "defaultOfferId",
  attribution_model as "attributionModel", coupon_first as "couponFirst", hold_days as "holdDays",
  auto_approve as "autoApprove", company_name as "companyName", contact_email as "contactEmail", status,
  created_at as "createdAt", updated_at as "updatedAt"`;

function toProgram({ attributionModel, couponFirst, ...row }: ProgramRow): Program {
  return { ...row, attribution: { model: attributionModel, couponFirst } };
}
