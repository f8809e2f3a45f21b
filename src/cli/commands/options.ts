import type { z } from 'zod';
import { validate } from '../../http/validate.ts';
import { AppError } from '../../domain/errors.ts';

/** Checks options by the API's own schema. Throws with every mistake at once, each by the name of its option. */
export function validateOptions<S extends z.ZodType>(schema: S, options: unknown): z.output<S> {
  try {
    return validate(schema, options, 'The options');
  } catch (error) {
    if (!(error instanceof AppError) || !error.details) throw error;
    const mistakes = Object.entries(error.details).map(([field, message]) => {
      // Options that exist are unknown only to the schema of this kind of thing.
      return `${optionOf(field)} ${message === 'is not a known field' ? 'does not go with the other options' : message}`;
    });
    throw new Error(mistakes.join('\n'), { cause: error });
  }
}

/** `signingSecrets.0` was given by `--signing-secrets`. */
function optionOf(field: string): string {
  const [name = ''] = field.split('.');
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
