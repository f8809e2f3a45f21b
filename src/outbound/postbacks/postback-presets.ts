/**
 * Ready templates for the trackers that affiliates use. The tracker's own click id, which came in as sub1, goes back to
 * it. What begins with YOUR is to be replaced by the account's own: a template where it was not can be looked at and not set.
 * Parameter names are those of each tracker's help pages (read 2026-11), such as
 * https://doc.voluum.com/article/parameters-in-postback-urls and https://docs.binom.org/postback-url.php.
 */
export const postbackPresets: readonly { tracker: string; url: string }[] = [
  {
    tracker: 'Voluum',
    url: 'https://YOUR-DOMAIN.example/postback?cid={click_id}&payout={payout}&currency={currency}&txid={txid}',
  },
  {
    tracker: 'Keitaro',
    url: 'https://YOUR-DOMAIN.example/YOUR_KEY/postback?subid={click_id}&tid={txid}&payout={payout}&currency={currency}&status={status:lead=lead,pending=lead,sale=sale,rejected=rejected}',
  },
  {
    tracker: 'Binom',
    url: 'https://YOUR-DOMAIN.example/click.php?cnv_id={click_id}&payout={payout}&cnv_currency={currency}&cnv_status={status}',
  },
  {
    tracker: 'Everflow',
    url: 'https://YOUR-DOMAIN.example/?nid=YOUR_NID&transaction_id={click_id}&amount={payout}&order_id={txid}',
  },
  {
    tracker: 'TUNE',
    url: 'https://YOUR-DOMAIN.example/aff_lsr?offer_id=YOUR_OFFER_ID&transaction_id={click_id}&amount={payout}&conversion_unique_id={conversion_id}',
  },
  {
    tracker: 'Affise',
    url: 'https://YOUR-DOMAIN.example/postback?clickid={click_id}&action_id={txid}&sum={payout}&goal={goal}&status={status:approved=1,paid=1,pending=2,lead=2,rejected=3}',
  },
  {
    tracker: 'RedTrack',
    url: 'https://YOUR-DOMAIN.example/postback?clickid={click_id}&sum={payout}&type={goal}&status={status}',
  },
  {
    tracker: 'BeMob',
    url: 'https://YOUR-DOMAIN.example/postback?cid={click_id}&payout={payout}&txid={txid}&status={status}',
  },
  {
    tracker: 'AffSpace',
    url: 'https://YOUR-DOMAIN.example/pb/YOUR_SOURCE?clickid={click_id}&sum={amount}&action_id={txid}&goal={goal}&secure=YOUR_KEY',
  },
];
