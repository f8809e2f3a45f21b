/** The page's states, and ours that each stands for. What was acknowledged but not tracked is in no list. */
export const ourStatuses = {
  pending: ['pending'],
  approved: ['approved', 'paid'],
  rejected: ['rejected'],
  reversed: ['reversed'],
} as const;
export const statusNames = ['pending', 'approved', 'rejected', 'reversed'] as const;
export const everyStatus: readonly string[] = Object.values(ourStatuses).flat();

export function toStatus(status: string): string {
  if (status === 'paid') return 'approved';
  return status === 'not_tracked' ? 'rejected' : status;
}
