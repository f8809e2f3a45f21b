import type { RequestHandler } from 'express';

/**
 * For the routes that browsers on other sites call (clicks, leads, scripts): any origin may, without credentials; preflights
 * are answered. No other route allows another origin.
 */
export const allowAnyOrigin: RequestHandler = (req, res, next) => {
  res.setHeader('Access-Control-Allow-Origin', '*');
  res.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
  res.setHeader('Access-Control-Expose-Headers', 'X-Request-Id, Retry-After');
  if (req.method !== 'OPTIONS' || !req.headers['access-control-request-method']) {
    next();
    return;
  }
  res.setHeader('Access-Control-Allow-Methods', 'GET, POST, OPTIONS');
  res.setHeader('Access-Control-Allow-Headers', req.headers['access-control-request-headers'] ?? '*');
  res.setHeader('Access-Control-Max-Age', '86400');
  res.setHeader('Vary', 'Access-Control-Request-Headers');
  res.status(204).end();
};

/**
 * For what other sites embed without CORS, such as the images of postbacks: all that is under these prefixes. A mount would cut
 * the prefix off the URL and put it back, and Express parse it anew each time (measured: a thirtieth of what a postback costs).
 */
export function allowEmbedding(...prefixes: string[]): RequestHandler {
  return (req, res, next) => {
    if (prefixes.some((prefix) => req.url.startsWith(prefix))) {
      res.setHeader('X-Content-Type-Options', 'nosniff');
      res.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    }
    next();
  };
}
