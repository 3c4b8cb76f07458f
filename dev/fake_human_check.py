"""The stand-in for Turnstile: a widget with one checkbox, and siteverify. The fake Stripe's process serves it."""

import secrets
import time
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

SITE_KEY, SECRET_KEY = "1x_local_site_key", "1x_local_secret_key"
_SECONDS = 300

WIDGET = """window.turnstile = (() => {
  const api = document.currentScript.src, shown = [];
  queueMicrotask(() => window[new URL(api).searchParams.get('onload')]?.());
  return {
    render(element, options) {
      const label = document.createElement('label');
      const box = Object.assign(document.createElement('input'), { type: 'checkbox' });
      box.onchange = async () => {
        try {
          const answer = await fetch(new URL(`token?sitekey=${options.sitekey}`, api), { method: 'POST' });
          if (!answer.ok) throw new Error(await answer.text());
          options.callback(await answer.text());
          setTimeout(() => options['expired-callback']?.(), 300_000);
        } catch (error) {
          options['error-callback']?.(String(error));
        }
      };
      label.append(box, ' I am human (stand-in)');
      element.append(label);
      return String(shown.push({ label, box }) - 1);
    },
    reset: (id) => void (shown[id].box.checked = false),
    remove: (id) => shown[id].label.remove(),
  };
})();
"""


def routes() -> list[Route]:
    """The widget's script, the tokens that it gets, and what becomes of them."""
    issued: dict[str, tuple[float, str | None]] = {}

    async def script(_request: Request) -> Response:
        return Response(WIDGET, media_type="text/javascript")

    async def token(request: Request) -> Response:
        if request.query_params.get("sitekey") != SITE_KEY:
            return PlainTextResponse("110100: invalid sitekey", 400)
        made = secrets.token_urlsafe(32)
        issued[made] = time.time(), urlsplit(request.headers.get("origin", "")).hostname
        return PlainTextResponse(made)

    async def siteverify(request: Request) -> Response:
        given = dict(parse_qsl((await request.body()).decode(errors="replace")))
        if given.get("secret") != SECRET_KEY:
            return JSONResponse({"success": False, "error-codes": ["invalid-input-secret"]})
        at, host = issued.pop(given.get("response", ""), (0.0, None))
        if time.time() - at > _SECONDS:
            return JSONResponse({"success": False, "error-codes": ["timeout-or-duplicate"]})
        solved = datetime.fromtimestamp(at, UTC).isoformat()
        return JSONResponse({"success": True, "error-codes": [], "challenge_ts": solved, "hostname": host})

    return [
        Route("/_fake/human/api.js", script),
        Route("/_fake/human/token", token, methods=["POST"]),
        Route("/_fake/human/siteverify", siteverify, methods=["POST"]),
    ]
