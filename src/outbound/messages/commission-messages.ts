import type { Db, Trx } from '../../db/db.ts';
import { runSql } from '../../db/sql.ts';
import type { Scope } from '../../domain/scope.ts';
import type { conversionView } from '../../ledger/conversion-view.ts';
import type { MessageDraft } from '../events/message-draft.ts';
import { streamNumber } from '../wire/streams.ts';

// A conversion that earns is told of twice, as a conversion and as a commission. Where no endpoint wants the second, it is
// stored with the first, in one row less: `messages.commission` says what of it the first does not, its id is made from the
// other's. Whoever asks for messages sees both; before one is sent it gets a row of its own.

export const COMMISSION_CREATED = 'commission.created';
/** The types of the rows that a commission.created may be stored with. */
export const carrierTypes = ['conversion.created', 'lead.created'] as const;

/** Whether `draft` tells of the commission of the conversion that `before` tells of. */
export function tellsItsCommission(before: MessageDraft | undefined, draft: MessageDraft): boolean {
  if (before === undefined || draft.type !== COMMISSION_CREATED || draft.previous !== undefined) return false;
  const { id } = before.data as { id?: unknown };
  const { conversionId } = draft.data as { conversionId?: unknown };
  return (
    (before.type === 'conversion.created' || before.type === 'lead.created') &&
    id === conversionId &&
    before.programId === draft.programId &&
    before.livemode === draft.livemode
  );
}

/**
 * What `messages.commission` keeps of a commission's message: one word where the conversion's, with this body, tells all of it.
 * Escapes of characters that PostgreSQL has no text for are not read by it.
 */
export function storedCommission(conversion: MessageDraft, body: string, commission: MessageDraft): string {
  const data = JSON.stringify(commission.data);
  return data === derivedCommission(conversion.data) && !body.includes('\\u') ? 'derived' : data;
}

/** The same, in the same order, as `derived_commission` of migration 020 makes it when it is read. */
function derivedCommission(conversion: object): string {
  const told = conversion as ReturnType<typeof conversionView>;
  return JSON.stringify({
    id: told.commission?.id,
    conversionId: told.id,
    affiliateId: told.affiliateId,
    amountMinor: told.commission?.amountMinor,
    currency: told.commission?.currency,
    status: told.status,
    reason: told.reason,
    review: null,
    livemode: told.livemode,
    createdAt: told.createdAt,
    paidAt: null,
  });
}

/** The id of a message that another may be stored with, and of that other: as SQL makes them (migration 020). */
export const carrierId = (id: string): string => `${id.slice(0, -1)}0`;
export const commissionMessageId = (id: string): string => `${id.slice(0, -1)}1`;

/** Gives rows of their own to these messages of a program, as far as they are stored with another. */
export async function bringOut(db: Db, programId: string, messageIds: readonly string[]): Promise<void> {
  const told = messageIds.filter((id) => id.endsWith('1'));
  if (told.length === 0) return;
  await runSql(db, 'bringOutMessages', bringingOut('select unnest(:carrierIds::text[])'), {
    carrierIds: told.map(carrierId),
    programId,
    ...ownStreams(programId),
  });
}

/** The same for the next ones after an id, as a replay reads them. */
export async function bringOutNext(
  trx: Trx,
  { programId, livemode }: Scope,
  page: { cursorId: string; since: Date; until: Date; pageSize: number },
): Promise<void> {
  await runSql(
    trx,
    'bringOutNextMessages',
    bringingOut(
      `select next.id from unnest(:carrierTypes::text[], :carrierStreams::integer[]) as s (type, number)
       cross join lateral (
         select m.id from messages m
         where m.stream = s.number and m.type = s.type and m.program_id = :programId and m.livemode = :livemode
           and m.commission is not null and m.id >= :cursorId and m.created_at between :since and :until
         order by m.id limit :pageSize) next`,
    ),
    {
      programId,
      livemode,
      ...page,
      carrierTypes,
      carrierStreams: carrierTypes.map((type) => streamNumber({ programId, livemode, type })),
      ...ownStreams(programId),
    },
  );
}

function ownStreams(programId: string): { liveStream: number; testStream: number } {
  const type = COMMISSION_CREATED;
  return {
    liveStream: streamNumber({ programId, livemode: true, type }),
    testStream: streamNumber({ programId, livemode: false, type }),
  };
}

/** Of two that ask for one message at once the second waits, and finds that it has its row. */
function bringingOut(carrierIds: string): string {
  return `with carrier as materialized (
      select m.* from messages m
      where m.id in (${carrierIds}) and m.program_id = :programId and m.commission is not null
      order by m.id for update
    ), cleared as (
      update messages m set commission = null from carrier where m.id = carrier.id
    )
    insert into messages (id, program_id, livemode, type, stream, body, created_at)
    select commission_message_id(m.id), m.program_id, m.livemode, '${COMMISSION_CREATED}',
      case when m.livemode then :liveStream::integer else :testStream::integer end,
      commission_message_body(m.program_id, m.livemode, m.id, m.body, m.commission, m.created_at), m.created_at
    from carrier m`;
}
