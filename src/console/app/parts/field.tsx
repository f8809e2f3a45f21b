import { useId, type ReactNode } from 'react';
import { CallError } from '../call.ts';

interface Props {
  label: string;
  hint?: ReactNode;
  /** What the hub says against it. */
  problem?: string | undefined;
  /** The control, told how it is described. */
  children: (described: { 'aria-describedby': string | undefined; 'aria-invalid': boolean }) => ReactNode;
}

/** A field of a form: its name above, what it is for and what is wrong with it below. */
export function Field({ label, hint, problem, children }: Props): ReactNode {
  const id = useId();
  const isDescribed = hint !== undefined || problem !== undefined;
  return (
    <div className="field">
      <label>
        <span>{label}</span>
        {children({ 'aria-describedby': isDescribed ? id : undefined, 'aria-invalid': problem !== undefined })}
      </label>
      {isDescribed && (
        <p id={id} className="quiet">
          {problem !== undefined && <span className="bad">{problem}. </span>}
          {hint}
        </p>
      )}
    </div>
  );
}

/** What the hub said against a field, or against something within it. */
export function problemOf(error: Error | null, field: string): string | undefined {
  if (!(error instanceof CallError)) return undefined;
  const found = Object.entries(error.details).find(([name]) => name === field || name.startsWith(`${field}.`));
  if (!found) return undefined;
  const [name, said] = found;
  return name === field || /^\d+$/.test(name.slice(field.length + 1))
    ? said
    : `${name.slice(field.length + 1)}: ${said}`;
}

/** What went wrong beside all fields that say it themselves; null: each problem stands at its field. */
export function restOf(error: Error | null, fields: readonly string[]): Error | null {
  return error === null || fields.some((field) => problemOf(error, field) !== undefined) ? null : error;
}
