import type { Db } from '../db/db.ts';
import { insertList, selectList, updateList, type ChangesOf, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { stripInvisible } from '../domain/codes.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { CommissionTerms } from '../domain/terms.ts';
import { makeCode } from './codes.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
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
    const [row] = await runSql<Offer>(
      db,
      'createOffer',
      `with made as (
         insert into offers ${inserted} returning ${selected}
       ), defaulted as (
         update programs set default_offer_id = (select id from made), updated_at = now()
         where id = :programId and default_offer_id is null
       )
       select * from made`,
      {
        id: input.id ?? newId('off'),
        programId,
        name: input.name,
        url: input.url,
        code: input.code ?? makeCode(10).toUpperCase(),
        description: input.description ?? null,
        commission: JSON.stringify(input.commission),
        currency: input.currency ?? null,
        attributionWindowDays: input.attributionWindowDays ?? 30,
        dailyCap: input.dailyCap ?? 0,
        status: input.status ?? 'published',
      },
    );
    return row as Offer;
  } catch (error) {
    if (findForeignKeyViolation(error) !== null) throw new AppError('NOT_FOUND', 'Program not found', { cause: error });
    throw describeConflict(error, input.code);
  }
}

/** Changes what is given; null where the program has no such offer. Customers keep the terms with which they were bound. */
export async function updateOffer(
  db: Db,
  programId: string,
  offerId: string,
  changes: OfferChanges,
): Promise<Offer | null> {
  const update = updateList(columns, {
    name: changes.name,
    url: changes.url,
    code: changes.code,
    description: changes.description,
    commission: changes.commission && JSON.stringify(changes.commission),
    currency: changes.currency,
    attributionWindowDays: changes.attributionWindowDays,
    dailyCap: changes.dailyCap,
    status: changes.status,
  });
  try {
    const [row] = await runSql<Offer>(
      db,
      'updateOffer',
      `update offers set ${update.sql}, updated_at = now()
       where program_id = :programId and id = :offerId returning ${selected}`,
      { ...update.bindings, programId, offerId },
    );
    return row ?? null;
  } catch (error) {
    throw describeConflict(error, changes.code);
  }
}

/** By id or by code (with or without what cannot be seen); where both are some offer's, the id counts. */
export async function findOffer(db: Db, programId: string, idOrCode: string): Promise<Offer | null> {
  const [row] = await runSql<Offer>(
    db,
    'findOffer',
    `select ${selected} from offers where program_id = :programId and (id = :idOrCode or code in (:idOrCode, :stripped))
     order by (id = :idOrCode) desc, (code = :idOrCode) desc limit 1`,
    { programId, idOrCode, stripped: stripInvisible(idOrCode) },
  );
  return row ?? null;
}

/** Newest first. */
export function listOffers(db: Db, programId: string, filter: OfferFilter, page: PageRequest): Promise<Page<Offer>> {
  const list = { name: 'listOffers', select: `select ${selected} from offers`, id: 'id' };
  return selectPage<Offer>(db, list, conditionsOf(programId, filter), page);
}

const columns: Columns<keyof Offer> = {
  id: 'id',
  programId: 'program_id',
  name: 'name',
  url: 'url',
  code: 'code',
  description: 'description',
  commission: 'commission',
  currency: 'currency',
  attributionWindowDays: 'attribution_window_days',
  dailyCap: 'daily_cap',
  status: 'status',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};
const selected = selectList(columns);
// Without a program no currency is found; what is refused then is the reference to the program.
const inserted = insertList(columns, ['createdAt', 'updatedAt'], {
  currency: `coalesce(:currency, (select currency from programs where id = :programId), '')`,
});

function conditionsOf(programId: string, filter: OfferFilter): Condition[] {
  return [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('status = any(:statuses)', filter.statuses),
    ...conditionOf('code = :code', filter.code),
  ];
}

/** The error to throw: one that says what is taken, or the one given where it is no conflict. */
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
