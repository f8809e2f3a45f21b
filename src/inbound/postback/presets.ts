import type { TrackerState } from '../fields/statuses.ts';

/** What one tracker sends and expects: its parameter names, its status words, the answer, the URL to paste into it. */
export interface PostbackPreset {
  id: string;
  name: string;
  /** `{theirs: ours}`; `?` after ours makes it a fallback (`renameFields`). */
  fields: Readonly<Record<string, string>>;
  /** `{theirs: state}`, without case. Other words are recorded and pay nothing. */
  statuses: Readonly<Record<string, TrackerState>>;
  response: 'json' | 'ok' | 'gif';
  /** The query of the URL to paste: our names on the left, that tracker's own macros on the right. */
  query: string;
  /** Where the names and macros come from. */
  documentation: string;
}

export interface ListedPreset {
  id: string;
  name: string;
  fields: Readonly<Record<string, string>>;
  statuses: Readonly<Record<string, TrackerState>>;
  response: 'json' | 'ok' | 'gif';
  /** `SOURCE_ID` and `API_KEY` are for the reader to replace; GET of a source gives its own URL. */
  postbackUrl: string;
  documentation: string;
}

/** What `GET /api/v1/sources/presets` lists. `publicUrl` without a slash at its end. */
export function listPresets(publicUrl: string): ListedPreset[] {
  return presets.map(({ query, fields, ...preset }) => ({
    ...preset,
    fields: Object.fromEntries(Object.entries(fields).map(([theirs, ours]) => [theirs, ours.replace(/\?+$/, '')])),
    postbackUrl: `${publicUrl}/pb/SOURCE_ID?${query}&secure=API_KEY`,
  }));
}

/** The URL of one source, ready to paste into its tracker; without a preset the default names with `{macro}` values. */
export function postbackUrlOf(
  publicUrl: string,
  sourceId: string,
  presetId: string | null,
  requireKey: boolean,
): string {
  const query = findPreset(presetId)?.query ?? 'clickid={clickid}&sum={sum}&txid={txid}';
  return `${publicUrl}/pb/${sourceId}?${query}${requireKey ? '&secure=API_KEY' : ''}`;
}

export function findPreset(id: string | null | undefined): PostbackPreset | null {
  return presets.find((preset) => preset.id === id) ?? null;
}

// Networks agree on these words, and disagree on many others.
const plainWords = {
  approved: 'sale',
  confirmed: 'sale',
  sale: 'sale',
  lead: 'lead',
  pending: 'hold',
  hold: 'hold',
  declined: 'rejected',
  rejected: 'rejected',
} as const satisfies Record<string, TrackerState>;

/**
 * To a tracker the hub is a traffic source: the hub made the click id, the tracker keeps it as "external id" and sends it
 * back with the conversion. In `fields` theirs are the tracker's own incoming names, so that postbacks that were made for
 * that tracker can be sent here unchanged. The URLs use only macros that the trackers document for postbacks to a traffic
 * source; one that stays unreplaced is refused with an error that names it. All pages read 2026-11.
 */
export const presets: readonly PostbackPreset[] = [
  {
    id: 'voluum',
    name: 'Voluum',
    // `et` names the kind of conversion, not its state.
    fields: { cid: 'click_id', payout: 'amount', txid: 'order_id', et: 'goal' },
    statuses: plainWords,
    response: 'ok',
    query: 'cid={externalid}&payout={payout}&txid={txid}',
    documentation: 'https://doc.voluum.com/en/traffic_source_postback_url.html',
  },
  {
    id: 'keitaro',
    name: 'Keitaro',
    fields: { subid: 'click_id', payout: 'amount', revenue: 'amount', tid: 'order_id' },
    statuses: {
      lead: 'lead',
      hold: 'hold',
      sale: 'sale',
      rebill: 'sale',
      deposit: 'sale',
      rejected: 'rejected',
      trash: 'rejected',
    },
    response: 'ok',
    query: 'subid={external_id}&payout={revenue}&tid={tid}&status={status}',
    documentation: 'https://docs.keitaro.io/en/campaigns-and-streams/s2s-postback-placeholders.html',
  },
  {
    id: 'binom',
    name: 'Binom',
    fields: {
      cnv_id: 'click_id',
      clickid: 'click_id',
      payout: 'amount',
      cnv_currency: 'currency',
      cnv_status: 'status',
    },
    statuses: {
      ...plainWords,
      approve: 'sale',
      checkout: 'sale',
      signup: 'lead',
      reject: 'rejected',
      trash: 'rejected',
    },
    response: 'ok',
    query: 'cnv_id={externalid}&payout={payout}&cnv_currency={cnv_currency}&cnv_status={cnv_status}',
    documentation: 'https://docs.binom.org/conv-to-source-v2.php',
  },
  {
    id: 'everflow',
    name: 'Everflow',
    // The transaction of Everflow is the click.
    fields: {
      transaction_id: 'click_id',
      amount: 'amount',
      order_id: 'order_id',
      event_id: 'goal?',
      adv_event_id: 'goal',
    },
    statuses: { ...plainWords, invalid: 'rejected' },
    response: 'ok',
    query: 'transaction_id={sub1}&amount={sale_amount}&order_id={conversion_id}&event_id={event_id}',
    documentation: 'https://helpdesk.everflow.io/customer/your-guide-to-parameters-macros',
  },
  {
    id: 'tune',
    name: 'TUNE',
    // The transaction of TUNE is the click. `payout` and `revenue` are what partners get and networks take.
    fields: {
      transaction_id: 'click_id',
      amount: 'amount',
      revenue: 'amount?',
      payout: 'amount??',
      conversion_unique_id: 'order_id',
      goal_id: 'goal?',
      goal_ref: 'goal',
      offer_id: '',
      security_token: 'secure',
    },
    statuses: { approved: 'sale', pending: 'hold', rejected: 'rejected' },
    response: 'ok',
    query:
      'transaction_id={aff_click_id}&amount={sale_amount}&currency={currency}&conversion_unique_id={adv_sub}' +
      '&goal_id={goal_id}',
    documentation: 'https://support.tune.com/hc/en-us/articles/1500008248741',
  },
  {
    id: 'affise',
    name: 'Affise',
    fields: { clickid: 'click_id', click_id: 'click_id', sum: 'amount', action_id: 'order_id', goal: 'goal' },
    statuses: {
      '1': 'sale',
      '2': 'hold',
      '3': 'rejected',
      '5': 'hold',
      approved: 'sale',
      confirmed: 'sale',
      pending: 'hold',
      hold: 'hold',
      declined: 'rejected',
    },
    response: 'json',
    query: 'clickid={sub1}&sum={sum}&currency={currency}&action_id={transactionid}&goal={goal}&status={status}',
    documentation: 'https://help-center.affise.com/en/articles/6483741-affiliate-postback-url-macros',
  },
  {
    id: 'redtrack',
    name: 'RedTrack',
    fields: { clickid: 'click_id', sum: 'amount', rdtk_event_id: 'order_id', type: 'goal' },
    statuses: plainWords,
    response: 'ok',
    query: 'clickid={ref_id}&sum={payout}&type={type}',
    documentation: 'https://help.redtrack.io/knowledgebase/kb/conversion-tracking/supported-dynamic-parameters',
  },
  {
    id: 'bemob',
    name: 'BeMob',
    fields: { cid: 'click_id', payout: 'amount', txid: 'order_id' },
    statuses: { ...plainWords, new: 'lead', reject: 'rejected' },
    response: 'ok',
    query: 'cid={externalId}&payout={payout}&txid={txid}&status={status}',
    documentation: 'https://docs.bemob.com/en/postback-settings-of-traffic-source',
  },
  {
    id: 'affspace',
    name: 'AffSpace',
    fields: { clickid: 'click_id', sum: 'amount', action_id: 'order_id', user_id: 'customer_id', goal: 'goal' },
    statuses: { pending: 'hold', approved: 'sale', rejected: 'rejected', reversed: 'rejected' },
    response: 'json',
    query: 'clickid={clickid}&sum={sum}&action_id={action_id}&user_id={user_id}&goal={goal}',
    documentation: 'https://api.affs.space',
  },
];
