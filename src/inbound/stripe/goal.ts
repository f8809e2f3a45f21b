/** Stripe names no goal: its money is for what the program calls a purchase, the default goal of every way in. */
export const PURCHASE = 'purchase';
