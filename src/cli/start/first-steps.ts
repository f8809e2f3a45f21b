import type { Config } from '../../process/config.ts';
import type { FirstProgram } from './first-program.ts';

/**
 * The first start's keys, sources, and a call to each of them that works as it stands. It is a shell script, so that it can be
 * copied in parts or run as a whole. All calls are in test mode: nothing of them becomes payable. For a file of the owner's.
 */
export function describeFirstSteps(first: FirstProgram, config: Config, now: Date): string {
  const hub = localUrl(config);
  const { program, liveKey, referralCode, stripe, revenuecat } = first;
  const json = `-H 'Content-Type: application/json'`;
  return `# ${program.name} ${program.id}
#   live key  ${liveKey}
#   test key  ${first.testKey}  (in the calls below: nothing of them becomes payable)
#   sources   Stripe      ${config.publicUrl}/in/stripe/${stripe.id}
#                         signing secret ${stripe.signingSecret} (PATCH in the one that Stripe shows you)
#             RevenueCat  ${config.publicUrl}/in/revenuecat/${revenuecat.id}
#                         authorization header: ${revenuecat.authorization}
#             tracker     ${config.publicUrl}/pb/${first.postback.id}

${callsByTestKey(first, hub)}
# Stripe sends a signed webhook
body='${stripeEvent(referralCode, now)}'
time=$(date +%s)
signature=$(printf '%s.%s' "$time" "$body" | openssl dgst -sha256 -hmac '${stripe.signingSecret}' -r | cut -d' ' -f1)
curl -s '${hub}/in/stripe/${stripe.id}' ${json} -H "Stripe-Signature: t=$time,v1=$signature" -d "$body"; echo

# RevenueCat sends a webhook
curl -s -o /dev/null -w '%{http_code}\\n' '${hub}/in/revenuecat/${revenuecat.id}' ${json} -H 'Authorization: ${revenuecat.authorization}' \\
  -d '${revenuecatEvent(referralCode, now)}'

${callForOutcome(first, hub)}`;
}

/** What of it is printed, where logs may keep it: no key and no secret by which live messages are taken. */
export function describeFirstCalls(first: FirstProgram, config: Config, keptIn: string | null): string {
  const hub = localUrl(config);
  const { program } = first;
  const live = keptIn
    ? `in ${keptIn}, with the secrets of Stripe and RevenueCat and a call to each`
    : `tributary key create --program ${program.id} --name NAME --mode live --access write`;
  return `# ${program.name} ${program.id}
#   live key  ${live}
#   test key  ${first.testKey}  (in the calls below: nothing of them becomes payable)
#   sources   tributary source list --program ${program.id}

${callsByTestKey(first, hub)}
${callForOutcome(first, hub)}`;
}

function callsByTestKey({ linkCode, testKey, referralCode, postback }: FirstProgram, hub: string): string {
  const json = `-H 'Content-Type: application/json'`;
  return `# A visitor follows the affiliate's link
curl -s -o /dev/null -w '%{http_code} %{redirect_url}\\n' '${hub}/r/${linkCode}'

# Your backend reports a sale
curl -s '${hub}/api/v1/conversions' -H 'Authorization: Bearer ${testKey}' ${json} \\
  -d '{"orderId":"order-1","amount":"49.90","currency":"USD","referralCode":"${referralCode}","customerId":"user-1"}'; echo

# A tracker fires a postback
curl -s '${hub}/pb/${postback.id}?txid=order-2&amount=20.00&currency=USD&referral_code=${referralCode}&secure=${testKey}'; echo
`;
}

function callForOutcome({ testKey }: FirstProgram, hub: string): string {
  return `# What became of them (webhooks are settled a moment after their answer)
sleep 1
curl -s '${hub}/api/v1/conversions' -H 'Authorization: Bearer ${testKey}'; echo
`;
}

/** The hub as this machine reaches it, whatever PUBLIC_URL says. */
function localUrl({ host, port }: Config): string {
  const anywhere = host === null || host === '0.0.0.0' || host === '::';
  if (anywhere) return `http://localhost:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function stripeEvent(referralCode: string, now: Date): string {
  const created = Math.floor(now.getTime() / 1_000);
  return JSON.stringify({
    id: 'evt_first',
    object: 'event',
    api_version: '2026-10-28.endive',
    created,
    livemode: false,
    type: 'checkout.session.completed',
    data: {
      object: {
        id: 'cs_test_first',
        object: 'checkout.session',
        created,
        livemode: false,
        mode: 'payment',
        status: 'complete',
        payment_status: 'paid',
        payment_intent: 'pi_first',
        customer: 'cus_first',
        currency: 'usd',
        amount_subtotal: 10_000,
        amount_total: 10_000,
        total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
        metadata: { affiliate_id: referralCode },
      },
    },
  });
}

function revenuecatEvent(referralCode: string, now: Date): string {
  const ms = now.getTime();
  return JSON.stringify({
    api_version: '1.0',
    event: {
      id: 'first-event',
      type: 'INITIAL_PURCHASE',
      environment: 'SANDBOX',
      event_timestamp_ms: ms,
      purchased_at_ms: ms,
      app_user_id: 'user-2',
      original_app_user_id: 'user-2',
      aliases: ['user-2'],
      product_id: 'pro_monthly',
      period_type: 'NORMAL',
      store: 'APP_STORE',
      transaction_id: '1',
      original_transaction_id: '1',
      currency: 'USD',
      price: 9.99,
      price_in_purchased_currency: 9.99,
      tax_percentage: 0,
      commission_percentage: 0.15,
      takehome_percentage: 0.85,
      subscriber_attributes: { affiliate_id: { value: referralCode, updated_at_ms: ms } },
    },
  });
}
