// Short forms of the whole programs in the guide (src/docs/examples), which a test runs.

export const verifyCode = [
  {
    language: 'Node',
    code: `import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET); // whsec_…

// body: the bytes as they came, before anything parses them.
const event = webhook.verify(body, request.headers);
// Throws where the signature does not verify: answer 400.
// The same event may come twice: remember event.id.`,
  },
  {
    language: 'Python',
    code: `import os
from standardwebhooks.webhooks import Webhook

webhook = Webhook(os.environ["WEBHOOK_SECRET"])  # whsec_…

# The bytes as they came, before anything parses them.
event = webhook.verify(request.get_data(), dict(request.headers))
# Raises where the signature does not verify: answer 400.
# The same event may come twice: remember event["id"].`,
  },
] as const;
