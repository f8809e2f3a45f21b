import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { AwayError, callConsole } from './call.ts';

const TRY_MS = 3_000;

/** Whether the hub answers: false since a question found it away, until one finds it back. Then all that is shown is asked anew. */
export function useOnline(): boolean {
  const queries = useQueryClient();
  const [isOnline, setOnline] = useState(true);
  useEffect(() => {
    return queries.getQueryCache().subscribe(({ query }) => {
      if (query.state.fetchFailureReason instanceof AwayError) setOnline(false);
    });
  }, [queries]);
  useEffect(() => {
    if (isOnline) return undefined;
    const timer = setInterval(() => {
      callConsole('/session').then(
        () => {
          setOnline(true);
          return queries.invalidateQueries();
        },
        (error: unknown) => {
          if (!(error instanceof AwayError)) setOnline(true);
        },
      );
    }, TRY_MS);
    return () => clearInterval(timer);
  }, [isOnline, queries]);
  return isOnline;
}
