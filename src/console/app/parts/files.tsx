import type { ReactNode } from 'react';
import { base } from '../base.ts';
import { searchOf, type Query } from '../call.ts';
import { useMay, usePlace } from '../place.tsx';

/** A link to a file that the API makes: the browser saves it as it comes, however long it is. */
export function FileLink({
  path,
  query = {},
  children,
}: {
  path: string;
  query?: Query;
  children: ReactNode;
}): ReactNode {
  const { program, mode } = usePlace();
  return (
    <a className="button" href={`${base}/api/in/${program.id}/${mode}${path}${searchOf(query)}`} download>
      {children}
    </a>
  );
}

/** All that a list has by its filters, as CSV. */
export function ExportLink({ list, query }: { list: string; query: Query }): ReactNode {
  return (
    useMay('exports:read') && (
      <FileLink path={`/exports/${list}.csv`} query={query}>
        Export CSV
      </FileLink>
    )
  );
}
