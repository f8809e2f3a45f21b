# pip install standardwebhooks flask
import os

from flask import Flask, request
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

app = Flask(__name__)
webhook = Webhook(os.environ["WEBHOOK_SECRET"])


@app.post("/webhooks")
def receive():
    try:
        # The bytes as they came: parsing and printing the JSON again would change them.
        event = webhook.verify(request.get_data(), dict(request.headers))
    except WebhookVerificationError:
        return "signature does not verify", 400
    # The same event may come twice: remember event["id"].
    return event["type"], 200
