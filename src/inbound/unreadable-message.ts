/** Thrown, and caught again, within a source's normalizer: the message is authentic, but what it says cannot be used. */
export class UnreadableMessage extends Error {}
