/** The live or the test data of one program. What is unique is unique within it, and nothing crosses from one to another. */
export interface Scope {
  programId: string;
  livemode: boolean;
}

/** A scope as the key of a map. */
export function scopeKey({ programId, livemode }: Scope): string {
  return `${programId} ${livemode ? 'live' : 'test'}`;
}

/**
 * Which configuration of a program may be named: what is of one of these modes. Of two that share a code the one whose mode
 * stands first is meant.
 */
export interface Reach {
  programId: string;
  /** Values of `livemode`. */
  modes: readonly boolean[];
}

/** What traffic and configuration may name: live only what is live; test looks in test, then in live. */
export function namedBy({ programId, livemode }: Scope): Reach {
  return { programId, modes: livemode ? [true] : [false, true] };
}

/** All of a program's configuration; what is live first. */
export function everythingOf(programId: string): Reach {
  return { programId, modes: [true, false] };
}
