import type { Db } from '../db/db.ts';
import { runSql } from '../db/sql.ts';
import { leastIdSince, timeOfId } from '../domain/ids.ts';
import type { Scope } from '../domain/scope.ts';

export const newsKinds = ['inbox_event', 'conversion', 'message'] as const;
export type NewsKind = (typeof newsKinds)[number];

/** That there is something new: not what is in it. */
export interface News {
  kind: NewsKind;
  id: string;
  at: Date;
}

/** So many of each kind are read at a time. */
const MOST = 1_000;

/** What was found, and since when it is all that there is: more than a second's worth of a busy hub is not read. */
export interface FoundNews {
  news: News[];
  /** In ms since 1970, by the times of ids. */
  completeSince: number;
}

/** The newest of each kind with ids made since then, through the indexes of ids. */
export async function readNews(db: Db, scope: Scope, since: Date): Promise<FoundNews> {
  const news = await runSql<News>(
    db,
    'readNews',
    `(select 'inbox_event' as kind, id, received_at as at from inbox_events
      where id >= :inboxSince and program_id = :programId and livemode = :livemode order by id desc limit :most)
     union all
     (select 'conversion', id, created_at from orders
      where id >= :conversionsSince and program_id = :programId and livemode = :livemode and kind is not null
        and status <> 'merged' order by id desc limit :most)
     union all
     (select 'message', id, created_at from messages
      where id >= :messagesSince and program_id = :programId and livemode = :livemode order by id desc limit :most)`,
    {
      programId: scope.programId,
      livemode: scope.livemode,
      inboxSince: leastIdSince('ibx', since),
      conversionsSince: leastIdSince('cnv', since),
      messagesSince: leastIdSince('evt', since),
      most: MOST,
    },
  );
  const oldestOfFull = newsKinds.map((kind) => {
    const times = news.filter((each) => each.kind === kind).map(({ id }) => timeOfId(id));
    return times.length === MOST ? Math.min(...times) : 0;
  });
  return { news, completeSince: Math.max(since.getTime(), ...oldestOfFull) };
}
