import { inTransaction, type Db } from '../db/db.ts';
import { insertList, selectList, updateList, type ChangesOf, type Columns } from '../db/columns.ts';
import { runSql } from '../db/sql.ts';
import { stripInvisible } from '../domain/codes.ts';
import { AppError } from '../domain/errors.ts';
import { newId } from '../domain/ids.ts';
import type { Reach, Scope } from '../domain/scope.ts';
import { changeTerms, type CommissionChanges, type CommissionTerms } from '../domain/terms.ts';
import { makeCode } from './codes.ts';
import { forgetLinkTargets } from './link-targets.ts';
import { conditionOf, type Condition } from '../db/conditions.ts';
import { wordsWanted } from '../db/words.ts';
import { selectPage, type Page, type PageRequest } from '../db/page.ts';
import { findForeignKeyViolation, findUniqueViolation } from '../db/pg-errors.ts';

export type OfferStatus = 'draft' | 'published' | 'paused' | 'archived';

export interface Offer {
  id: string;
  programId: string;
  /** False: a test key made it, and it serves test traffic only. */
  livemode: boolean;
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

export type OfferChanges = ChangesOf<Omit<OfferInput, 'id' | 'commission'>> & {
  /** What is left out stays as it is. */
  commission?: CommissionChanges | undefined;
  /** Takes over what a test key made, with its code. */
  livemode?: true | undefined;
};

export interface OfferFilter {
  /** Any of these. */
  statuses?: readonly OfferStatus[] | undefined;
  code?: string | undefined;
  /** Beginnings of words of their name or code, all of them. */
  text?: string | undefined;
}

/**
 * A program's first live offer becomes its default. Throws CONFLICT where the code is taken in the scope, NOT_FOUND without
 * a program.
 */
export async function createOffer(db: Db, { programId, livemode }: Scope, input: OfferInput): Promise<Offer> {
  try {
    const [row] = await runSql<Offer>(
      db,
      'createOffer',
      `with made as (
         insert into offers ${inserted} returning ${selected}
       ), defaulted as (
         update programs set default_offer_id = (select id from made), updated_at = now()
         where id = :programId and default_offer_id is null and :livemode
       )
       select * from made`,
      {
        id: input.id ?? newId('off'),
        programId,
        livemode,
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
    // As the default offer it may be where affiliates' own links lead.
    forgetLinkTargets(db, programId);
    return row as Offer;
  } catch (error) {
    if (findForeignKeyViolation(error) !== null) throw new AppError('NOT_FOUND', 'Program not found', { cause: error });
    throw describeConflict(error, input.code);
  }
}

/**
 * Changes what is given; null where there is no such offer in reach. The first that is taken over becomes the default of a
 * program without one. Customers keep the terms with which they were bound. Throws CONFLICT where the code is taken,
 * VALIDATION_ERROR where the changed terms are none.
 */
export async function updateOffer(db: Db, reach: Reach, offerId: string, changes: OfferChanges): Promise<Offer | null> {
  const { programId, modes } = reach;
  const { commission } = changes;
  const offer = await inTransaction(db, async (trx) => {
    if (commission === undefined) return writeOffer(trx, reach, offerId, changes, undefined);
    const [before] = await runSql<Pick<Offer, 'commission'>>(
      trx,
      'lockOffer',
      `select commission from offers
       where program_id = :programId and id = :offerId and livemode = any(:modes::boolean[]) for update`,
      { programId, modes, offerId },
    );
    return before ? writeOffer(trx, reach, offerId, changes, changeTerms(before.commission, commission)) : null;
  });
  forgetLinkTargets(db, programId);
  return offer;
}

async function writeOffer(
  db: Db,
  { programId, modes }: Reach,
  offerId: string,
  changes: OfferChanges,
  commission: CommissionTerms | undefined,
): Promise<Offer | null> {
  const update = updateList(columns, {
    livemode: changes.livemode,
    name: changes.name,
    url: changes.url,
    code: changes.code,
    description: changes.description,
    commission: commission && JSON.stringify(commission),
    currency: changes.currency,
    attributionWindowDays: changes.attributionWindowDays,
    dailyCap: changes.dailyCap,
    status: changes.status,
  });
  try {
    const [row] = await runSql<Offer>(
      db,
      'updateOffer',
      `with changed as (
         update offers set ${update.sql}, updated_at = ${update.updatedAt}
         where program_id = :programId and id = :offerId and livemode = any(:modes::boolean[]) returning ${selected}
       ), defaulted as (
         update programs set default_offer_id = :offerId, updated_at = now()
         where :taken and id = :programId and default_offer_id is null and exists (select 1 from changed)
       )
       select * from changed`,
      { ...update.bindings, programId, modes, offerId, taken: changes.livemode === true },
    );
    return row ?? null;
  } catch (error) {
    throw describeConflict(error, changes.code);
  }
}

/** By id or by code (with or without what cannot be seen); where both are some offer's, the id counts. */
export async function findOffer(db: Db, { programId, modes }: Reach, idOrCode: string): Promise<Offer | null> {
  const [row] = await runSql<Offer>(
    db,
    'findOffer',
    `select ${selected} from offers
     where program_id = :programId and (id = :idOrCode or code in (:idOrCode, :stripped))
       and livemode = any(:modes::boolean[])
     order by (id = :idOrCode) desc, (code = :idOrCode) desc, array_position(:modes::boolean[], livemode) limit 1`,
    { programId, modes, idOrCode, stripped: stripInvisible(idOrCode) },
  );
  return row ?? null;
}

/** What stands for an offer that is not named: the program's default one; in test, without one, the oldest test offer. */
export async function findDefaultOfferId(db: Db, { programId, livemode }: Scope): Promise<string | null> {
  const [row] = await runSql<{ id: string | null }>(
    db,
    'findDefaultOfferId',
    `select coalesce(default_offer_id, case when not :livemode then
       (select id from offers where program_id = programs.id and not livemode order by created_at, id limit 1) end) as id
     from programs where id = :programId`,
    { programId, livemode },
  );
  return row?.id ?? null;
}

/** Newest first. */
export function listOffers(db: Db, reach: Reach, filter: OfferFilter, page: PageRequest): Promise<Page<Offer>> {
  const list = {
    name: 'listOffers',
    select: `select ${selected} from offers`,
    id: 'id',
    createdAt: {
      column: 'created_at',
      ofBefore: 'select created_at from offers where program_id = :programId and id = :beforeId',
    },
  };
  return selectPage<Offer>(db, list, conditionsOf(reach, filter), page);
}

const columns: Columns<keyof Offer> = {
  id: 'id',
  programId: 'program_id',
  livemode: 'livemode',
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

function conditionsOf({ programId, modes }: Reach, filter: OfferFilter): Condition[] {
  return [
    ...conditionOf('program_id = :programId', programId),
    ...conditionOf('livemode = any(:modes::boolean[])', modes),
    ...conditionOf('status = any(:statuses)', filter.statuses),
    ...conditionOf('code = :code', filter.code),
    ...conditionOf(
      `words_of(name || ' ' || code) @@ to_tsquery('simple', :words)`,
      filter.text === undefined ? undefined : wordsWanted(filter.text),
    ),
  ];
}

/** The error to throw: one that says what is taken, or the one given where it is no conflict. */
function describeConflict(error: unknown, code: string | undefined): unknown {
  const constraint = findUniqueViolation(error);
  if (constraint === null) return error;
  if (constraint !== 'offers_code_by_mode') {
    return new AppError('CONFLICT', 'An offer with this id exists already', { cause: error });
  }
  const taken = code === undefined ? 'The code of the offer' : `The offer code '${code}'`;
  return new AppError('CONFLICT', `${taken} is taken in this program`, {
    details: { code: 'is taken in this program' },
    cause: error,
  });
}
