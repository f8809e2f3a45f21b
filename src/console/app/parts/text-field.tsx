import type { InputHTMLAttributes, ReactNode } from 'react';
import { Field, problemOf } from './field.tsx';

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  /** What the hub said is wrong with it, or null. */
  problem: string | null;
}

/** An input with its label, and beside it what is wrong. */
export function TextField({ label, problem, ...input }: Props): ReactNode {
  return (
    <Field label={label} problem={problem ?? undefined}>
      {(described) => <input {...input} {...described} />}
    </Field>
  );
}

/** What the hub said of the first of these fields of a body that it said anything of. */
export function problemIn(error: Error | null, ...fields: string[]): string | null {
  return fields.map((field) => problemOf(error, field)).find((problem) => problem !== undefined) ?? null;
}
