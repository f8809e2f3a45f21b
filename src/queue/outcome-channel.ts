/** Workers announce settled events that somebody awaits on this channel: comma-separated inbox ids. */
export const OUTCOME_CHANNEL = 'tributary_settled';
