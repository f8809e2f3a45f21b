/** What is taken for an e-mail address: one `@`, no space, and a local part of at most 64 characters. */
export const emailPattern = /^[^\s@]{1,64}@[^\s@]+$/;
