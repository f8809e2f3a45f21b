/** A tenant's side, live or test: everything unique is unique within it, and nothing crosses. */
export interface Scope {
  programId: string;
  livemode: boolean;
}

/** A scope as the key of a map. */
export function scopeKey({ programId, livemode }: Scope): string {
  return `${programId} ${livemode ? 'live' : 'test'}`;
}
