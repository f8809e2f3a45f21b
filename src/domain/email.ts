/** What is taken for an e-mail address: one `@`, no space, and a local part of at most 64 characters. */
export const emailPattern = /^[^\s@]{1,64}@[^\s@]+$/;

/**
 * Providers that deliver several spellings of an address to one mailbox: all of these ignore a `+tag`, Gmail dots as well.
 * Only what is certain is listed, since two mailboxes that were taken for one would cost an honest affiliate a commission.
 */
const ignoredBy: Readonly<Record<string, { dots: boolean; domain?: string }>> = {
  'gmail.com': { dots: true },
  'googlemail.com': { dots: true, domain: 'gmail.com' },
  'outlook.com': { dots: false },
  'hotmail.com': { dots: false },
  'live.com': { dots: false },
  'icloud.com': { dots: false },
  'me.com': { dots: false, domain: 'icloud.com' },
  'mac.com': { dots: false, domain: 'icloud.com' },
  'fastmail.com': { dots: false },
  'proton.me': { dots: false },
  'protonmail.com': { dots: false, domain: 'proton.me' },
  'pm.me': { dots: false, domain: 'proton.me' },
};

/** Providers at which anybody has an address: that two people share one says nothing. */
const publicProviders: ReadonlySet<string> = new Set([
  ...Object.keys(ignoredBy),
  'aol.com',
  'att.net',
  'bk.ru',
  'btinternet.com',
  'comcast.net',
  'duck.com',
  'email.com',
  'fastmail.fm',
  'free.fr',
  'freenet.de',
  'gmx.at',
  'gmx.ch',
  'gmx.com',
  'gmx.de',
  'gmx.net',
  'hey.com',
  'hotmail.co.uk',
  'hotmail.de',
  'hotmail.es',
  'hotmail.fr',
  'hotmail.it',
  'inbox.ru',
  'laposte.net',
  'libero.it',
  'list.ru',
  'live.co.uk',
  'live.de',
  'live.fr',
  'mail.com',
  'mail.ru',
  'msn.com',
  'naver.com',
  'orange.fr',
  'outlook.de',
  'outlook.fr',
  'posteo.de',
  'qq.com',
  'rambler.ru',
  'rediffmail.com',
  'rocketmail.com',
  'sfr.fr',
  't-online.de',
  'tuta.com',
  'tutanota.com',
  'uol.com.br',
  'verizon.net',
  'virgilio.it',
  'wanadoo.fr',
  'web.de',
  'wp.pl',
  'ya.ru',
  'yahoo.ca',
  'yahoo.co.in',
  'yahoo.co.jp',
  'yahoo.co.uk',
  'yahoo.com',
  'yahoo.com.br',
  'yahoo.de',
  'yahoo.es',
  'yahoo.fr',
  'yahoo.it',
  'yandex.com',
  'yandex.ru',
  'ymail.com',
  'zoho.com',
  '126.com',
  '163.com',
]);

/** The mailbox that an address leads to, as its provider reads it: for comparing people, never for writing to them. */
export function mailboxOf(address: string): string {
  const email = address.trim().toLowerCase();
  const at = email.lastIndexOf('@');
  if (at <= 0) return email;
  const provider = ignoredBy[email.slice(at + 1)];
  if (!provider) return email;
  const untagged = email.slice(0, at).replace(/(?<=.)\+.*$/, '');
  const local = provider.dots ? untagged.replaceAll('.', '') : untagged;
  return `${local}@${provider.domain ?? email.slice(at + 1)}`;
}

/** The domain by which two addresses may belong to one organization; null at public providers. */
export function organizationOf(address: string): string | null {
  const domain = address.trim().toLowerCase().split('@').at(-1) ?? '';
  return domain === '' || publicProviders.has(domain) ? null : domain;
}
