import type { z } from 'zod';
import { readQueryPairs } from '../domain/byte-text.ts';
import { AppError, MAX_DETAILS, type ErrorDetails } from '../domain/errors.ts';
import { describeForms } from './describe-forms.ts';

/**
 * What the schema makes of a value. Throws VALIDATION_ERROR with `details` (field -> message) of all mistakes at once, unknown
 * fields too. `what` is the noun for the whole ('The body').
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const result = schema.safeParse(value, { error: explainIssue, reportInput: false });
  if (result.success) return result.data;
  const details = describeIssues(result.error.issues);
  const sentences = Object.entries(details).map(([field, message]) => `${field} ${message}`);
  const message = sentences.length > 0 ? sentences.join('; ') : `${what} must be a JSON object`;
  throw new AppError('VALIDATION_ERROR', message, sentences.length > 0 ? { details } : {});
}

/** Query parameters as an object. Empty ones count as absent. Throws VALIDATION_ERROR for repeated ones and for a NUL. */
export function readQuery(url: string): Record<string, string> {
  const query: Record<string, string> = Object.create(null) as Record<string, string>;
  const details: ErrorDetails = {};
  const seen = new Set<string>();
  for (const [name, value] of readQueryPairs(url)) {
    if (seen.has(name)) details[printable(name)] = 'is given more than once';
    else if (/\0/.test(name + value)) details[printable(name)] = 'must not contain NUL';
    else if (value !== '') query[name] = value;
    seen.add(name);
  }
  const [first] = Object.entries(details);
  if (first) throw new AppError('VALIDATION_ERROR', `The query parameter ${first[0]} ${first[1]}`, { details });
  return query;
}

function printable(name: string): string {
  return name.replaceAll('\0', '').slice(0, 100);
}

function describeIssues(issues: readonly z.core.$ZodIssue[]): ErrorDetails {
  const details: ErrorDetails = {};
  let found = 0;
  for (const issue of issues) {
    if (found >= MAX_DETAILS) break;
    found += 1;
    const path = issue.path.join('.');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys.slice(0, MAX_DETAILS))
        details[path === '' ? key : `${path}.${key}`] ??= 'is not a known field';
    } else if (path !== '') details[path] ??= issue.message;
  }
  return details;
}

/** Words that follow the field's name: "email is required". */
const explainIssue: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${nameType(issue.expected)}`;
    case 'invalid_value':
      return issue.input === undefined ? 'is required' : `must be one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union':
      return issue.input === undefined ? 'is required' : `must be ${describeForms(issue.inst)}`;
    case 'too_small':
      return `must ${nameBound(issue.origin, 'at least', Number(issue.minimum))}`;
    case 'too_big':
      return `must ${nameBound(issue.origin, 'at most', Number(issue.maximum))}`;
    case 'invalid_format':
      return formats[issue.format] ?? 'has the wrong form';
    default:
      return undefined;
  }
};

const formats: Record<string, string> = {
  email: 'must be an e-mail address',
  url: 'must be an http or https URL',
  datetime: 'must be ISO 8601 with an offset, such as 2026-01-31T12:00:00Z',
  json_string: 'must be JSON',
};

function nameType(expected: string): string {
  if (expected === 'int') return 'a whole number';
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function nameBound(origin: string, bound: string, limit: number): string {
  if (origin === 'string')
    return limit === 1 && bound === 'at least' ? 'not be empty' : `have ${bound} ${limit} characters`;
  if (origin === 'array') return `have ${bound} ${limit} ${limit === 1 ? 'item' : 'items'}`;
  return `be ${bound} ${limit}`;
}
