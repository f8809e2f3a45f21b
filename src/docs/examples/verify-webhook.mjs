import { createServer } from 'node:http';
import { Webhook } from 'standardwebhooks';

const webhook = new Webhook(process.env.WEBHOOK_SECRET);

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  // The bytes as they came: parsing and printing the JSON again would change them.
  const body = Buffer.concat(chunks).toString('utf8');
  try {
    const event = webhook.verify(body, request.headers);
    // The same event may come twice: remember event.id. Do what takes long after the answer.
    response.writeHead(200).end(event.type);
  } catch {
    response.writeHead(400).end('signature does not verify');
  }
});

server.listen(Number(process.env.PORT));
