import { pipeline } from 'node:stream/promises';
import type { Client, Submittable } from 'pg';
import { from, to } from 'pg-copy-streams';
import { submitOwn } from '../connection.ts';

/** Rows come by the kilobyte; pieces of this size keep an archive's entries and the statements that load them few. */
const PIECE_BYTES = 4 * 2 ** 20;

/**
 * What `statement`, a `copy … to stdout` in the text format, gives: in pieces of some mebibytes that end with a row. A piece is
 * larger where a row is.
 */
export async function* copyOut(connection: Client, statement: string): AsyncGenerator<Buffer> {
  const stream = to(statement);
  submitAlone(connection, stream);
  let pending: Buffer[] = [];
  let length = 0;
  let whole = false;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      // In the text format a line feed ends a row and is nowhere else: within values it is escaped.
      const end = length + chunk.length < PIECE_BYTES ? -1 : chunk.lastIndexOf(LINE_FEED);
      if (end === -1) {
        pending.push(chunk);
        length += chunk.length;
        continue;
      }
      yield Buffer.concat([...pending, chunk.subarray(0, end + 1)]);
      pending = [chunk.subarray(end + 1)];
      length = chunk.length - end - 1;
    }
    whole = true;
    if (length > 0) yield Buffer.concat(pending);
  } finally {
    // PostgreSQL goes on sending, and nothing but the end of the connection stops it.
    if (!whole) connection.connection.stream.destroy();
    pipelines(connection, true);
  }
}

const LINE_FEED = 10;

/** How many rows a piece of COPY text has. */
export function countRows(piece: Uint8Array): number {
  let rows = 0;
  for (let at = piece.indexOf(LINE_FEED); at !== -1; at = piece.indexOf(LINE_FEED, at + 1)) rows += 1;
  return rows;
}

/** Loads rows by `statement`, a `copy … from stdin`; gives how many there were. */
export async function copyIn(connection: Client, statement: string, rows: AsyncIterable<Uint8Array>): Promise<number> {
  const stream = from(statement);
  submitAlone(connection, stream);
  try {
    await pipeline(rows, stream);
  } finally {
    pipelines(connection, true);
  }
  return stream.rowCount;
}

/** For a connection that has answered all that it was sent. The driver takes streams on one that sends ahead for none. */
function submitAlone(connection: Client, stream: Submittable): void {
  pipelines(connection, false);
  submitOwn(connection, stream);
}

/** The driver looks at each statement whether it may send ahead; its types do not say so. */
function pipelines(connection: Client, pipeline: boolean): void {
  (connection as Client & { pipeline: boolean }).pipeline = pipeline;
}
