import type { RequestHandler } from 'express';
import { limitNetwork, pagePolicy, type NetworkLimitDeps } from '../http/network-limits.ts';

/** For the documents, which anybody may read: a page of the reference is a megabyte. */
export function limitPages(deps: NetworkLimitDeps): RequestHandler {
  return async (req, res, next) => {
    await limitNetwork(deps, req, res, pagePolicy);
    next();
  };
}
