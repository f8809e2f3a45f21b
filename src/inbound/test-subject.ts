/** What a test message is about: an order that there was never before. */
export interface TestSubject {
  /** Letters and digits, to make ids of. */
  id: string;
  /** Null: nothing says who referred it. */
  clickId: string | null;
  email: string;
  at: Date;
}
