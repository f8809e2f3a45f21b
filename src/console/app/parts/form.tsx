import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { AwayError, CallError } from '../call.ts';
import { useUnsaved } from '../unsaved.ts';

/** What the fields of a form hold, as it is typed. */
export type FormValues = Readonly<Record<string, string | boolean>>;

export interface Form<V extends FormValues = FormValues> {
  values: V;
  set: (name: keyof V & string, value: string | boolean) => void;
  submit: () => void;
  isBusy: boolean;
  error: Error | null;
}

interface Options<V extends FormValues, T> {
  /** What it begins with; what is asked anew meanwhile changes nothing of it. */
  initial: V;
  /** Throws what the hub said, or a `fieldProblem`. */
  save: (values: V, initial: V) => Promise<T>;
  saved: (answer: T) => void;
}

/** A form that keeps what was typed until it is saved, and has leaving ask. */
export function useForm<V extends FormValues, T>({ initial, save, saved }: Options<V, T>): Form<V> {
  const queries = useQueryClient();
  const [start] = useState(initial);
  const [values, setValues] = useState(start);
  const isChanged = Object.keys(start).some((name) => start[name] !== values[name]);
  const release = useUnsaved(isChanged);
  const saving = useMutation({
    mutationFn: () => save(values, start),
    onSuccess: (answer) => {
      release();
      saved(answer);
      return queries.invalidateQueries();
    },
  });
  return {
    values,
    set: (name, value) => setValues((before) => ({ ...before, [name]: value })),
    submit: () => saving.mutate(),
    isBusy: saving.isPending,
    error: saving.error,
  };
}

/** What is wrong with a field, found before the hub was asked. */
export function fieldProblem(field: string, message: string): CallError {
  return new CallError(400, {
    code: 'VALIDATION_ERROR',
    message: 'Something is not right yet',
    details: { [field]: message },
  });
}

/** Those fields of a body that differ from what they were: all that a PATCH needs to say. */
export function changesOf(before: object, after: object): Record<string, unknown> {
  const was = before as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(was[name])),
  );
}

interface FormProps {
  form: Pick<Form, 'submit' | 'isBusy' | 'error'>;
  label: string;
  /** What the button says. */
  act: string;
  /** Where one gets without saving. */
  cancel?: string;
  children: ReactNode;
}

export function FormView({ form, label, act, cancel, children }: FormProps): ReactNode {
  const element = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (form.error) element.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [form.error]);
  return (
    <form
      ref={element}
      className="form"
      aria-label={label}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!form.isBusy) form.submit();
      }}
    >
      {children}
      {form.error && (
        <div className="failure" role="alert">
          <p>{form.error.message}</p>
          {form.error instanceof AwayError && <p>What you typed is kept. Save it again when the hub is back.</p>}
        </div>
      )}
      <p className="actions">
        <button type="submit" className="main" disabled={form.isBusy}>
          {act}
        </button>
        {cancel !== undefined && <Link href={cancel + location.search}>Cancel</Link>}
      </p>
    </form>
  );
}

/** What the hub said of one of these fields. */
export function problemOf(error: Error | null, ...fields: readonly string[]): string | undefined {
  if (!(error instanceof CallError)) return undefined;
  return fields.map((field) => error.details[field]).find((problem) => problem !== undefined);
}
