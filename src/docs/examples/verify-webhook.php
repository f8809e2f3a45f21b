<?php
// composer require standard-webhooks/standard-webhooks
require __DIR__ . '/vendor/autoload.php';

$webhook = new \StandardWebhooks\Webhook(getenv('WEBHOOK_SECRET'));
// The bytes as they came: decoding and encoding the JSON again would change them.
$body = file_get_contents('php://input');
$headers = array_change_key_case(getallheaders(), CASE_LOWER);
try {
    $event = $webhook->verify($body, $headers);
} catch (\StandardWebhooks\Exception\WebhookVerificationException $exception) {
    http_response_code(400);
    exit('signature does not verify');
}
// The same event may come twice: remember $event['id'].
echo $event['type'];
