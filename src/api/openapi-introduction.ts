import packageFile from '../../package.json' with { type: 'json' };

/** What holds for every call: the beginning of /docs, in Markdown. */
export const introduction = `${packageFile.description}

The [guides](guides/) say everything that is no reference: [a walk](guides/walk) through the four inputs,
[sources](guides/sources), [links](guides/links), [webhooks](guides/webhooks), [exports](guides/exports),
[configuration](guides/configuration).

**Authentication.** \`Authorization: Bearer KEY\`, or \`X-API-Key: KEY\`. A key belongs to one program and one mode: \`sk_live_…\`
sees and makes what counts, \`sk_test_…\` what is only tried. Its access is \`read\`, \`write\`, or \`ingest\` (it posts conversions
and reads nothing: for trackers). The admin token makes programs and keys. What is another program's is 404.

**Money.** \`amountMinor\` is an integer in minor units of \`currency\` (ISO 4217): 4900 USD is $49.00, 4900 JPY is ¥4900. Rates
are basis points: 1000 is 10 %. Times are ISO 8601 UTC with milliseconds.

**Pages.** Lists answer \`{"data": […], "pagination": {"hasMore", "nextCursor"}}\`, newest first, by \`limit\` (1 to 100, 20
unless said) and \`cursor\`. The order is that of the ids, which sort by the moment they were made; ids that an import brought
along stand where they sort. A page stays the same while rows are added. All of a list at once: \`GET /exports/….csv\`.

**Errors.** \`{"error": {"code", "message", "details"?, "requestId"}}\`; \`details\` names the fields. With
\`Accept: application/problem+json\` they come as RFC 9457. A known path with another method is 405, with \`Allow\`.

**Repeats.** Every POST takes an \`Idempotency-Key\`: the same key and body get the first answer again for 24 hours, with the
header \`Idempotent-Replayed: true\`. Another body is 422, one still under way 409.

**Limits.** Requests a minute and key; every answer tells what is left in \`X-RateLimit-*\` and \`RateLimit\`. Past them: 429 with
\`Retry-After\`.`;
