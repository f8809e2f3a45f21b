/** The message is authentic, but what it says cannot be used. Thrown inside the normalizer only, never out of it. */
export class Unreadable extends Error {}
