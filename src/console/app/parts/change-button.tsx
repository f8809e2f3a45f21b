import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { call } from '../call.ts';
import { useWhere } from '../place.tsx';
import { Confirm } from './confirm.tsx';
import { Failure } from './failure.tsx';

interface Props {
  /** What is changed. */
  path: string;
  /** To what; null: it is deleted. */
  body: object | null;
  /** What the button says. */
  act: string;
  /** Asked before, with what it means; without, it is done at once, since it can be undone as easily. */
  question?: string;
  children?: ReactNode;
  done?: () => void;
}

/** Changes one thing, by one call. */
export function ChangeButton({ path, body, act, question, children, done }: Props): ReactNode {
  const where = useWhere();
  const queries = useQueryClient();
  const [isAsking, setAsking] = useState(false);
  const change = useMutation({
    mutationFn: () => call(path, { method: body ? 'PATCH' : 'DELETE', where, ...(body ? { body } : {}) }),
    onSuccess: () => {
      setAsking(false);
      done?.();
      return queries.invalidateQueries();
    },
  });
  return (
    <>
      <button
        type="button"
        disabled={change.isPending}
        onClick={() => (question === undefined ? change.mutate() : setAsking(true))}
      >
        {act}
      </button>
      {question === undefined ? (
        change.error && <Failure error={change.error} />
      ) : (
        <Confirm
          isOpen={isAsking}
          title={question}
          act={act}
          isBusy={change.isPending}
          error={change.error}
          close={() => setAsking(false)}
          confirm={() => change.mutate()}
        >
          {children}
        </Confirm>
      )}
    </>
  );
}
