/** The live or the test data of one program. What is unique is unique within it, and nothing crosses from one to another. */
export interface Scope {
  programId: string;
  livemode: boolean;
}

/** A scope as the key of a map. */
export function scopeKey({ programId, livemode }: Scope): string {
  return `${programId} ${livemode ? 'live' : 'test'}`;
}
