import { randomInt } from 'node:crypto';

/** Lower-case letters and digits without those that are mistaken for others (0 o 1 l i). */
const readable = '23456789abcdefghjkmnpqrstuvwxyz';

/** A code that is made at random is taken so rarely that not to find a free one in so many tries is a fault. */
export const MAX_CODE_TRIES = 20;

/** A random code that people can read out. */
export function makeCode(length: number): string {
  return Array.from({ length }, () => readable[randomInt(readable.length)]).join('');
}

/** A referral code that tells whose it is ('jane-smith-x7kd2m'). For a name without Latin letters the random part alone. */
export function makeReferralCode(displayName: string): string {
  const slug = displayName
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 24)
    .replaceAll(/^-+|-+$/g, '');
  return slug === '' ? makeCode(8) : `${slug}-${makeCode(6)}`;
}
