import type { ReactNode } from 'react';
import { AwayError } from '../call.ts';

/** What went wrong, in the hub's words, and a way to try again. */
export function Failure({ error, again }: { error: Error; again?: () => void }): ReactNode {
  return (
    <div className="failure" role="alert">
      <p>{error.message}</p>
      {error instanceof AwayError && <p className="quiet">It is asked again by itself.</p>}
      {again && (
        <button type="button" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}
