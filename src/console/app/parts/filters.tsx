import type { ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { wordsOf } from '../formats.ts';

/** A filter of a list; it stands in the address, so that it can be sent to others. `none`: what is shown without a choice. */
export type Filter =
  | { name: string; label: string; type: 'text' | 'date'; placeholder?: string }
  | { name: string; label: string; type: 'choice'; choices: readonly string[]; none?: string };

/** What the address says of these filters. */
export function useFilters(filters: readonly Filter[]): Record<string, string | undefined> {
  const [params] = useSearchParams();
  return Object.fromEntries(filters.map(({ name }) => [name, params.get(name) ?? undefined]));
}

export function FilterBar({ filters, children }: { filters: readonly Filter[]; children?: ReactNode }): ReactNode {
  const [params, setParams] = useSearchParams();
  const isAny = filters.some(({ name }) => params.has(name));
  const set = (name: string, value: string): void => {
    setParams((before) => {
      const next = new URLSearchParams(before);
      if (value === '') next.delete(name);
      else next.set(name, value);
      return next;
    });
  };
  const clear = (): void => {
    setParams((before) => {
      const next = new URLSearchParams(before);
      for (const { name } of filters) next.delete(name);
      return next;
    });
  };
  return (
    <form className="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      {filters.map((filter) => (
        <label key={filter.name}>
          <span>{filter.label}</span>
          <Control filter={filter} value={params.get(filter.name) ?? ''} set={(value) => set(filter.name, value)} />
        </label>
      ))}
      {isAny && (
        <button type="button" className="plain" onClick={clear}>
          Clear
        </button>
      )}
      {children}
    </form>
  );
}

function Control({ filter, value, set }: { filter: Filter; value: string; set: (value: string) => void }): ReactNode {
  if (filter.type === 'choice') {
    return (
      <select value={value} onChange={(event) => set(event.target.value)}>
        <option value="">{filter.none ?? 'any'}</option>
        {filter.choices.map((choice) => (
          <option key={choice} value={choice}>
            {wordsOf(choice)}
          </option>
        ))}
      </select>
    );
  }
  // Asked when one is done with typing: each letter would ask the hub.
  return (
    <input
      key={value}
      type={filter.type}
      defaultValue={value}
      placeholder={filter.placeholder}
      onBlur={(event) => event.target.value !== value && set(event.target.value.trim())}
      onKeyDown={(event) => event.key === 'Enter' && set(event.currentTarget.value.trim())}
      onChange={(event) => filter.type === 'date' && set(event.target.value)}
    />
  );
}
