import type { Endpoint } from '../types.ts';

/** What each part of an endpoint's page is given. */
export interface PartProps {
  endpoint: Endpoint;
  /** Whether whoever is signed in may change it, and have it sent to. */
  mayWrite: boolean;
}
