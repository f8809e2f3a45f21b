import { useMutation, useQueryClient, type UseMutationResult } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { keyOfOne } from '../ask.ts';
import { call } from '../call.ts';
import { useWhere } from '../place.tsx';
import type { SourceDetail } from '../types.ts';

type Body = Record<string, unknown>;

/** Creates a source, and puts its ref into the address. */
export function useCreate(): UseMutationResult<SourceDetail, Error, Body> {
  const where = useWhere();
  const queries = useQueryClient();
  const [, setParams] = useSearchParams();
  return useMutation({
    mutationFn: (body: Body) =>
      call<{ data: SourceDetail }>('/sources', { method: 'POST', where, body }).then(({ data }) => data),
    onSuccess: (made) => {
      queries.setQueryData(keyOfOne(where, `/sources/${made.ref}`), made);
      setParams({ source: made.ref }, { replace: true });
      return queries.invalidateQueries();
    },
  });
}

export function useChange(ref: string): UseMutationResult<unknown, Error, Body> {
  const where = useWhere();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: Body) => call(`/sources/${ref}`, { method: 'PATCH', where, body }),
    onSuccess: () => queries.invalidateQueries(),
  });
}

export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value.trim() : '';
}
