import type { ErrorRequestHandler, Request, Response } from 'express';
import { toAppError } from '../db/pg-errors.ts';
import { AppError } from '../domain/errors.ts';

/** An answer ready to be sent (and, under an Idempotency-Key, to be kept). */
export interface RenderedAnswer {
  status: number;
  /** Of the body; null: none. */
  type: string | null;
  text: string;
  retryAfterS?: number | undefined;
  /** Of a repeat under an Idempotency-Key: it is the first answer again. */
  replayed?: boolean;
}

/** An error in the native API's form: its envelope, or RFC 9457 where the caller asks for problem+json. */
export function renderError(req: Request, thrown: unknown): RenderedAnswer {
  const error = translate(thrown);
  const { code, message, details, status, retryAfterS } = error;
  const requestId = requestIdOf(req);
  if (!req.accepts(['application/json', 'application/problem+json'])?.toString().includes('problem')) {
    const text = JSON.stringify({ error: { code, message, details, requestId } });
    return { status, type: 'application/json; charset=utf-8', text, retryAfterS };
  }
  const problem = { type: 'about:blank', title: titles[code], status, detail: message, code, details, requestId };
  return { status, type: 'application/problem+json; charset=utf-8', text: JSON.stringify(problem), retryAfterS };
}

/** The id that the answer's X-Request-Id and the log lines have. */
export function requestIdOf(req: Request): string {
  return typeof req.id === 'string' ? req.id : '';
}

/** The native API's one translator of errors. Express recognizes an error handler by its four parameters. */
export const answerApiError: ErrorRequestHandler = (thrown: unknown, req, res, next) => {
  if (res.headersSent) {
    next(thrown);
    return;
  }
  sendAnswer(res, renderError(req, thrown), thrown);
};

/** `thrown` is the cause of a failure. It goes into the request's log line, never into the answer. */
export function sendAnswer(res: Response, answer: RenderedAnswer, thrown?: unknown): void {
  if (answer.status >= 500 && thrown !== undefined) {
    res.err = thrown instanceof Error ? thrown : new Error('not an error', { cause: thrown });
  }
  res.status(answer.status);
  if (answer.replayed) res.setHeader('Idempotent-Replayed', 'true');
  if (answer.retryAfterS !== undefined) res.setHeader('Retry-After', String(answer.retryAfterS));
  if (answer.type === null) {
    res.end();
    return;
  }
  res.setHeader('Content-Type', answer.type);
  res.setHeader('Vary', 'Accept');
  res.send(Buffer.from(answer.text));
}

const titles: Record<AppError['code'], string> = {
  VALIDATION_ERROR: 'The request is not valid',
  UNAUTHORIZED: 'An API key is required',
  INVALID_API_KEY: 'The API key is not valid',
  INSUFFICIENT_PERMISSIONS: 'The API key may not do this',
  NOT_FOUND: 'Not found',
  METHOD_NOT_ALLOWED: 'The path takes other methods',
  CONFLICT: 'Conflict',
  IDEMPOTENCY_MISMATCH: 'The Idempotency-Key was used for another request',
  PAYLOAD_TOO_LARGE: 'The body is too large',
  UNSUPPORTED_MEDIA_TYPE: 'The media type is not supported',
  RATE_LIMITED: 'Too many requests',
  INTERNAL_ERROR: 'Internal error',
  UNAVAILABLE: 'Unavailable',
};

/** A path that cannot be decoded names nothing, so it is a 404; Express throws a URIError for it. */
function translate(thrown: unknown): AppError {
  if (thrown instanceof URIError) return new AppError('NOT_FOUND', 'Not found', { cause: thrown });
  return toAppError(thrown);
}
