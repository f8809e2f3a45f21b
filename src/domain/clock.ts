/** The time, passed in where rules depend on it, so that tests can stand on a fixed day. */
export interface Clock {
  now(): Date;
}

export const systemClock: Clock = { now: () => new Date() };
