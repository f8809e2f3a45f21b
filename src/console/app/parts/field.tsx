import { useId, type InputHTMLAttributes, type ReactNode } from 'react';
import { CallError } from '../call.ts';

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  /** What the hub said is wrong with it, or null. */
  problem: string | null;
}

/** An input with its label, and beside it what is wrong. */
export function Field({ label, problem, ...input }: Props): ReactNode {
  const id = useId();
  return (
    <label>
      {label}
      <input
        {...input}
        aria-invalid={problem !== null}
        {...(problem === null ? {} : { 'aria-describedby': `${id}-problem` })}
      />
      {problem !== null && (
        <span id={`${id}-problem`} className="bad">
          {problem}
        </span>
      )}
    </label>
  );
}

/** What the hub said of one of these fields of a body. */
export function problemOf(error: Error | null, ...fields: string[]): string | null {
  if (!(error instanceof CallError)) return null;
  const { details } = error;
  return fields.flatMap((field) => (details[field] === undefined ? [] : [details[field]]))[0] ?? null;
}
