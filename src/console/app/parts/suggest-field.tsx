import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useId, type ReactNode } from 'react';
import { call } from '../call.ts';
import { useWhere } from '../place.tsx';
import type { Affiliate, Listed, Offer } from '../types.ts';
import { TextField } from './fields.tsx';
import type { Form, FormValues } from './form.tsx';

/** Suggestions come once so much is typed. */
const LEAST_LETTERS = 2;

const kinds = {
  affiliate: { path: '/affiliates', optionOf: (row: Affiliate) => [row.referralCode, row.displayName] as const },
  offer: { path: '/offers', optionOf: (row: Offer) => [row.code, row.name] as const },
} as const;

interface Props<V extends FormValues> {
  kind: keyof typeof kinds;
  form: Form<V>;
  name: { [N in keyof V]: string extends V[N] ? N : never }[keyof V] & string;
  label: string;
  hint?: ReactNode;
}

/** Takes an affiliate or an offer by id or code, and suggests those whose name or code begins so. */
export function SuggestField<V extends FormValues>({ kind, form, name, label, hint }: Props<V>): ReactNode {
  const where = useWhere();
  const listId = useId();
  const q = useDeferredValue((form.values[name] as string).trim());
  const { path } = kinds[kind];
  const found = useQuery({
    queryKey: [where.programId, where.mode, path, 'suggestions', q],
    queryFn: ({ signal }) => call<Listed<Affiliate & Offer>>(path, { query: { q, limit: 10 }, where, signal }),
    enabled: q.length >= LEAST_LETTERS,
    retry: false,
  });
  const options = found.data?.data.map((row) => kinds[kind].optionOf(row)) ?? [];
  return (
    <>
      <TextField form={form} name={name} label={label} hint={hint} list={listId} autoComplete="off" />
      <datalist id={listId}>
        {options.map(([value, words]) => (
          <option key={value} value={value} label={words} />
        ))}
      </datalist>
    </>
  );
}
