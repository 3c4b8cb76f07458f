"""The page of the bank: a person says whether the payment passes 3-D Secure. Tests post `outcome` to the same URL."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from backend.money import money
from dev.fake_stripe import form, intents
from dev.fake_stripe.call import Call
from dev.fake_stripe.shapes import Json

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>3-D Secure test page</title>
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem }}
button {{ font: inherit; padding: .6rem 1.4rem; margin-right: .6rem }}</style></head>
<body><main><h1>3-D Secure test page</h1>{content}</main></body></html>"""

QUESTION = """<p>Your bank would now ask you to confirm the payment of <strong>{amount}</strong>.
No real money moves here.</p><form method="post"><button name="outcome" value="complete">Complete</button>
<button name="outcome" value="fail">Fail</button></form>"""


def _page(content: str, status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(content=content), status)


def _waiting(call: Call, request: Request) -> Json | None:
    """The intent, if it still waits for exactly this page."""
    intent = call.store.get(request.path_params["intent"])
    action = intent["next_action"] if intent and intent["object"] == "payment_intent" else None
    if intent is None or action is None:
        return None
    return intent if action["redirect_to_url"]["url"].endswith(request.url.path) else None


def show(call: Call, request: Request) -> Response:
    intent = _waiting(call, request)
    if intent is None:
        return _page("<p>This payment is not waiting for you any more.</p>", 410)
    return _page(QUESTION.format(amount=money(intent["amount"], intent["currency"].upper())))


async def answer(call: Call, request: Request) -> Response:
    """Take outcome=complete or outcome=fail; redirect to return_url with Stripe's query parameters."""
    outcome = form.decode((await request.body()).decode(errors="replace")).get("outcome")
    if outcome not in ("complete", "fail"):
        return _page("<p>The outcome is complete or fail.</p>", 400)
    with call.store.transaction():
        intent = _waiting(call, request)
        if intent is None:
            return _page("<p>This payment is not waiting for you any more.</p>", 410)
        return_url = intent["next_action"]["redirect_to_url"]["return_url"]
        intents.authenticate(call, intent, outcome == "complete")
    query = {
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if intent["status"] == "succeeded" else "failed",
    }
    return RedirectResponse(f"{return_url}{'&' if '?' in return_url else '?'}{urlencode(query)}", 303)
