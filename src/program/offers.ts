import type { Db } from '../db/db.ts';
import { runPositional } from '../db/sql.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { CommissionTerms } from '../domain/terms.ts';
import { makeCode } from './codes.ts';
import { conditionOf, selectPage, type Condition, type Page, type PageRequest } from '../db/page.ts';
import { buildUpdate, type ChangesOf } from '../db/update.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';

export type OfferStatus = 'draft' | 'published' | 'paused' | 'archived';

export interface Offer {
  id: string;
  programId: string;
  name: string;
  /** Where tracking links lead. */
  url: string;
  code: string;
  description: string | null;
  commission: CommissionTerms;
  currency: string;
  /** Days between a click and the binding of a customer, boundary inclusive. */
  attributionWindowDays: number;
  /** Conversions a day that pay; 0: no cap. */
  dailyCap: number;
  status: OfferStatus;
  createdAt: Date;
  updatedAt: Date;
}

export interface OfferInput {
  /** An imported offer keeps its id. */
  id?: string | undefined;
  name: string;
  url: string;
  /** Made when absent. */
  code?: string | undefined;
  description?: string | null | undefined;
  commission: CommissionTerms;
  /** The program's when absent. */
  currency?: string | undefined;
  attributionWindowDays?: number | undefined;
  dailyCap?: number | undefined;
  status?: OfferStatus | undefined;
}

export type OfferChanges = ChangesOf<Omit<OfferInput, 'id'>>;

export interface OfferFilter {
  /** Any of these. */
  statuses?: readonly OfferStatus[] | undefined;
  code?: string | undefined;
}

/** A program's first offer becomes its default. Throws CONFLICT where the code is taken, NOT_FOUND without a program. */
export async function createOffer(db: Db, programId: string, input: OfferInput): Promise<Offer> {
  try {
    const [row] = await runPositional<Offer>(
      db,
      `with made as (
         insert into offers (id, program_id, name, url, code, description, commission, currency,
           attribution_window_days, daily_cap, status)
         values (?, ?, ?, ?, ?, ?, ?, coalesce(?, (select currency from programs where id = ?), ''), ?, ?, ?)
         returning ${columns}
       ), defaulted as (
         update programs set default_offer_id = (select id from made), updated_at = now()
         where id = ? and default_offer_id is null
       )
       select * from made`,
      [
        input.id ?? newId('off'),
        programId,
        input.name,
        input.url,
        input.code ?? makeCode(10).toUpperCase(),
        input.description ?? null,
        JSON.stringify(input.commission),
        input.currency ?? null,
        programId,
        input.attributionWindowDays ?? 30,
        input.dailyCap ?? 0,
        input.status ?? 'published',
        programId,
      ],
    );
    return row as Offer;
  } catch (error) {
    if (findForeignKeyViolation(error) !== null) throw new AppError('NOT_FOUND', 'Program not found', { cause: error });
    throw describeConflict(error, input.code);
  }
}

/** Changes what is given; null where the program has no such offer. Terms that customers were bound with stay. */
export async function updateOffer(
  db: Db,
  programId: string,
  offerId: string,
  changes: OfferChanges,
): Promise<Offer | null> {
  const update = buildUpdate({
    name: changes.name,
    url: changes.url,
    code: changes.code,
    description: changes.description,
    commission: changes.commission && JSON.stringify(changes.commission),
    currency: changes.currency,
    attribution_window_days: changes.attributionWindowDays,
    daily_cap: changes.dailyCap,
    status: changes.status,
  });
  try {
    const [row] = await runPositional<Offer>(
      db,
      `update offers set ${update.sql}, updated_at = now() where program_id = ? and id = ? returning ${columns}`,
      [...update.bindings, programId, offerId],
    );
    return row ?? null;
  } catch (error) {
    throw describeConflict(error, changes.code);
  }
}

/** By id or code (an id goes first). */
export async function findOffer(db: Db, programId: string, idOrCode: string): Promise<Offer | null> {
  const [row] = await runPositional<Offer>(
    db,
    `select ${columns} from offers where program_id = ? and (id = ? or code = ?) order by (id = ?) desc limit 1`,
    [programId, idOrCode, idOrCode, idOrCode],
  );
  return row ?? null;
}

/** Newest first. */
export function listOffers(db: Db, programId: string, filter: OfferFilter, page: PageRequest): Promise<Page<Offer>> {
  return selectPage<Offer>(db, `select ${columns} from offers`, 'id', conditionsOf(programId, filter), page);
}

const columns = `id, program_id as "programId", name, url, code, description, commission, currency,
  attribution_window_days as "attributionWindowDays", daily_cap as "dailyCap", status, created_at as "createdAt",
  updated_at as "updatedAt"`;

function conditionsOf(programId: string, filter: OfferFilter): Condition[] {
  return [
    { sql: 'program_id = ?', bindings: [programId] },
    ...conditionOf('status = any(?)', filter.statuses),
    ...conditionOf('code = ?', filter.code),
  ];
}

function describeConflict(error: unknown, code: string | undefined): unknown {
  const constraint = findUniqueViolation(error);
  if (constraint === null) return error;
  if (constraint !== 'offers_program_id_code_key') {
    return new AppError('CONFLICT', 'An offer with this id exists already', { cause: error });
  }
  return new AppError('CONFLICT', `The offer code '${code ?? ''}' is taken in this program`, {
    details: { code: 'is taken in this program' },
    cause: error,
  });
}
