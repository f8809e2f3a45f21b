import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useId, type ReactNode } from 'react';
import { call } from '../call.ts';
import { useWhere } from '../place.tsx';
import { TextField } from './text-field.tsx';

interface Props {
  label: string;
  value: string;
  set: (value: string) => void;
  problem: string | null;
}

/** Suggestions come once so much is typed. */
const LEAST_LETTERS = 2;

/** Takes an affiliate by id or code, and suggests those whose name, e-mail or code begins so. */
export function AffiliateField({ label, value, set, problem }: Props): ReactNode {
  const where = useWhere();
  const listId = useId();
  const q = useDeferredValue(value.trim());
  const found = useQuery({
    queryKey: [where.programId, where.mode, '/affiliates', 'suggestions', q],
    queryFn: ({ signal }) =>
      call<{ data: { id: string; displayName: string; referralCode: string }[] }>('/affiliates', {
        query: { q, limit: 10 },
        where,
        signal,
      }),
    enabled: q.length >= LEAST_LETTERS,
    retry: false,
  });
  return (
    <>
      <TextField
        label={label}
        list={listId}
        autoComplete="off"
        value={value}
        problem={problem}
        onChange={(event) => set(event.target.value)}
      />
      <datalist id={listId}>
        {found.data?.data.map(({ id, displayName, referralCode }) => (
          <option key={id} value={referralCode} label={displayName} />
        ))}
      </datalist>
    </>
  );
}
