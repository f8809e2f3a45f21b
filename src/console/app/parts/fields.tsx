import { useId, type InputHTMLAttributes, type ReactNode } from 'react';
import { wordsOf } from '../formats.ts';
import { problemOf, type Form, type FormValues } from './form.tsx';

/** The names of a form's fields that hold such a value. */
type NameOf<V extends FormValues, T> = { [N in keyof V]: T extends V[N] ? N : never }[keyof V] & string;

interface Common<V extends FormValues> {
  form: Form<V>;
  label: string;
  hint?: ReactNode;
  /** What the hub calls it, where that is not its name. */
  field?: string;
}

/** What stands around a control: its label, a hint, and beside it what is wrong. */
function Around({ id, label, hint, problem, children }: AroundProps): ReactNode {
  return (
    <div className="form-field">
      <label htmlFor={id}>{label}</label>
      {children}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="quiet">
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="bad">
          <span aria-hidden="true">✕ </span>
          {problem}
        </p>
      )}
    </div>
  );
}

interface AroundProps {
  id: string;
  label: string;
  hint: ReactNode | undefined;
  problem: string | undefined;
  children: ReactNode;
}

function describedBy(id: string, hint: ReactNode, problem: string | undefined): Record<string, string | boolean> {
  const ids = [hint === undefined ? [] : `${id}-hint`, problem === undefined ? [] : `${id}-problem`].flat();
  return { 'aria-invalid': problem !== undefined, ...(ids.length > 0 ? { 'aria-describedby': ids.join(' ') } : {}) };
}

type InputProps = Pick<
  InputHTMLAttributes<HTMLInputElement>,
  'type' | 'placeholder' | 'required' | 'maxLength' | 'inputMode' | 'list' | 'autoComplete' | 'dir'
>;

export function TextField<V extends FormValues>({
  form,
  name,
  label,
  hint,
  field = name,
  ...input
}: Common<V> & InputProps & { name: NameOf<V, string> }): ReactNode {
  const id = useId();
  const problem = problemOf(form.error, field);
  return (
    <Around id={id} label={label} hint={hint} problem={problem}>
      <input
        id={id}
        type="text"
        dir="auto"
        {...input}
        value={form.values[name] as string}
        onChange={(event) => form.set(name, event.target.value)}
        {...describedBy(id, hint, problem)}
      />
    </Around>
  );
}

export function AreaField<V extends FormValues>({
  form,
  name,
  label,
  hint,
  field = name,
  rows = 3,
}: Common<V> & { name: NameOf<V, string>; rows?: number }): ReactNode {
  const id = useId();
  const problem = problemOf(form.error, field);
  return (
    <Around id={id} label={label} hint={hint} problem={problem}>
      <textarea
        id={id}
        rows={rows}
        dir="auto"
        value={form.values[name] as string}
        onChange={(event) => form.set(name, event.target.value)}
        {...describedBy(id, hint, problem)}
      />
    </Around>
  );
}

export function ChoiceField<V extends FormValues>({
  form,
  name,
  label,
  hint,
  field = name,
  choices,
}: Common<V> & { name: NameOf<V, string>; choices: readonly (string | readonly [string, string])[] }): ReactNode {
  const id = useId();
  const problem = problemOf(form.error, field);
  return (
    <Around id={id} label={label} hint={hint} problem={problem}>
      <select
        id={id}
        value={form.values[name] as string}
        onChange={(event) => form.set(name, event.target.value)}
        {...describedBy(id, hint, problem)}
      >
        {choices.map((choice) => {
          const [value, words] = typeof choice === 'string' ? [choice, wordsOf(choice)] : choice;
          return (
            <option key={value} value={value}>
              {words}
            </option>
          );
        })}
      </select>
    </Around>
  );
}

export function CheckField<V extends FormValues>({
  form,
  name,
  label,
  hint,
  field = name,
}: Common<V> & { name: NameOf<V, boolean> }): ReactNode {
  const id = useId();
  const problem = problemOf(form.error, field);
  return (
    <div className="form-field">
      <label htmlFor={id}>
        <input
          id={id}
          type="checkbox"
          checked={form.values[name] as boolean}
          onChange={(event) => form.set(name, event.target.checked)}
          {...describedBy(id, hint, problem)}
        />{' '}
        {label}
      </label>
      {hint !== undefined && (
        <p id={`${id}-hint`} className="quiet">
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p id={`${id}-problem`} className="bad">
          {problem}
        </p>
      )}
    </div>
  );
}
