"""Lists as Stripe pages them."""

from dev.fake_stripe.call import Call
from dev.fake_stripe.form import Args
from dev.fake_stripe.shapes import Json

COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def page(call: Call, args: Args, kind: str, url: str, *, equal: tuple[str, ...] = ()) -> Json:
    """{object: "list", data, has_more, url}, newest first; reads limit, created, starting_after and `equal`."""
    limit, older_than = args.integer("limit", most=100) or 10, args.text("starting_after")
    inner = args.child("created")
    moments = {sign: inner.integer(name, least=0, most=2**40) for name, sign in COMPARISONS.items()} if inner else {}
    fields = {name: args.text(name) for name in equal}
    args.finish()
    if older_than:
        call.find(kind, older_than, "starting_after")
    found = call.store.find(
        kind,
        equal={name: value for name, value in fields.items() if value},
        created={sign: moment for sign, moment in moments.items() if moment is not None},
        older_than=older_than,
        limit=limit + 1,  # one more shows whether there is more
    )
    return {"object": "list", "data": found[:limit], "has_more": len(found) > limit, "url": url}
