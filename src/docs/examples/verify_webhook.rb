# gem install standardwebhooks sinatra
require "sinatra"
require "standardwebhooks"

WEBHOOK = StandardWebhooks::Webhook.new(ENV.fetch("WEBHOOK_SECRET"))

post "/webhooks" do
  headers = %w[webhook-id webhook-timestamp webhook-signature].to_h do |name|
    [name, request.env["HTTP_#{name.upcase.tr("-", "_")}"]]
  end
  # The bytes as they came: parsing and printing the JSON again would change them.
  event = WEBHOOK.verify(request.body.read, headers)
  # The same event may come twice: remember event["id"].
  event["type"]
rescue StandardWebhooks::WebhookVerificationError
  halt 400, "signature does not verify"
end
