import { base } from './base.ts';
import type { Mode } from './types.ts';

/** The program and mode in which the API is asked. */
export interface Where {
  programId: string;
  mode: Mode;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  query?: Query;
  body?: unknown;
  where?: Where;
  signal?: AbortSignal;
}

/** What the hub answered instead: its own words are shown to people. */
export class CallError extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, string>>;

  constructor(
    status: number,
    { code, message, details }: { code: string; message: string; details?: Record<string, string> },
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details ?? {};
  }
}

/** The hub could not be reached, or did not answer in its own words. */
export class AwayError extends Error {}

/** Calls the native API as whoever is signed in. Throws CallError or AwayError. */
export function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  return ask(`${base}/api${path}`, options);
}

/** Calls what the console has of its own: the session. */
export function callConsole<T>(path: string, options: CallOptions = {}): Promise<T> {
  return ask(`${base}${path}`, options);
}

async function ask<T>(url: string, { method = 'GET', query = {}, body, where, signal }: CallOptions): Promise<T> {
  const answer = await fetch(url + searchOf(query), {
    method,
    signal: signal ?? null,
    credentials: 'same-origin',
    headers: {
      accept: 'application/json',
      'tributary-console': '1',
      ...(where ? { 'tributary-program': where.programId, 'tributary-mode': where.mode } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new AwayError('The hub cannot be reached.');
  });
  const text = await answer.text();
  if (answer.ok) return (text === '' ? undefined : JSON.parse(text)) as T;
  throw errorOf(answer.status, text);
}

function errorOf(status: number, text: string): Error {
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string; details?: Record<string, string> };
    };
    return new CallError(status, error);
  } catch {
    return new AwayError(`Something in front of the hub answered with ${status}.`);
  }
}

/** `?a=1&b=2` of what is given; nothing of what is not. */
export function searchOf(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
