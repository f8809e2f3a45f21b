// Node 24.21 has crypto.randomUUIDv7; @types/node 24.19 does not declare it yet.
import 'node:crypto';

declare module 'node:crypto' {
  export function randomUUIDv7(): string;
}
