/** `sk_live_…`, `rk_test_…`, `pk_live_…`, `sk_org_live_…`: ours and Stripe's begin alike. */
const apiKey = /^\s*(?:sk|rk|pk)_(?:org_)?(?:live|test)_/i;

/** Whether a text given as some other secret is an API key. */
export function isApiKey(text: string): boolean {
  return apiKey.test(text);
}
