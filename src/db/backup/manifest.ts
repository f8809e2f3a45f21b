import { z } from 'zod';

// What an archive says of itself. It is a gzipped tar: `manifest.json`, `secrets.env` where it was asked for, the rows of each
// table as COPY text in `tables/NAME/000001.copy` and so on, and at the end `contents.json`. What was written is known
// only then: an archive without its contents is not whole.

export const MANIFEST = 'manifest.json';
export const SECRETS = 'secrets.env';
export const CONTENTS = 'contents.json';

/** The place of a piece of a table's rows, counted from 1. */
export function pieceName(table: string, piece: number): string {
  return `tables/${encodeURIComponent(table)}/${String(piece).padStart(6, '0')}.copy`;
}

/** The table of an entry's name; null where it is no piece of a table. */
export function tableOfPiece(entry: string): string | null {
  const name = /^tables\/([^/]+)\/\d+\.copy$/.exec(entry)?.[1];
  return name === undefined ? null : decodeURIComponent(name);
}

export const FORMAT = 'tributary-backup';
export const FORMAT_VERSION = 1;

export const manifestSchema = z.object({
  format: z.literal(FORMAT),
  formatVersion: z.number(),
  /** Of the program that wrote it. */
  version: z.string(),
  /** ISO 8601: the moment that the rows are of. */
  createdAt: z.string(),
  /** PostgreSQL's, such as `18.4`. */
  serverVersion: z.string(),
  /** The names of the migrations that made the tables, in their order. */
  migrations: z.array(z.string()),
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()) })),
});
export type Manifest = z.infer<typeof manifestSchema>;

export const contentsSchema = z.object({
  tables: z.array(
    z.object({
      name: z.string(),
      rows: z.number(),
      bytes: z.number(),
      /** Of the COPY text of all its pieces, in hex. */
      sha256: z.string(),
    }),
  ),
  sequences: z.array(z.object({ name: z.string(), lastValue: z.string(), isCalled: z.boolean() })),
});
export type Contents = z.infer<typeof contentsSchema>;
export type TableContents = Contents['tables'][number];
