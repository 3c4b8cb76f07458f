"""Lists as Stripe pages them, and the expansion of ids into objects."""

from dev.fake_stripe.call import Call
from dev.fake_stripe.errors import invalid
from dev.fake_stripe.form import Args
from dev.fake_stripe.shapes import Json
from dev.fake_stripe.store import Store

COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
EXPANDABLE = frozenset({"charge", "latest_charge", "payment_intent", "payment_method"})


def _created(args: Args) -> dict[str, int]:
    if not args.has("created"):
        return {}
    moments: dict[str, int | None]
    if args.is_nested("created"):
        inner = args.child("created")
        assert inner is not None
        moments = {sign: inner.integer(name, least=0, most=2**40) for name, sign in COMPARISONS.items()}
    else:
        moments = {"=": args.integer("created", least=0, most=2**40)}
    return {sign: moment for sign, moment in moments.items() if moment is not None}


def page(
    call: Call,
    args: Args,
    kind: str,
    url: str,
    *,
    equal: dict[str, str] | None = None,
    types: list[str] | None = None,
) -> Json:
    """{object: "list", data, has_more, url}, newest first; reads limit, created, starting_after, ending_before."""
    limit = args.integer("limit", most=100) or 10
    older_than, newer_than = args.text("starting_after"), args.text("ending_before")
    created = _created(args)
    args.finish()
    if older_than and newer_than:
        raise invalid("Give starting_after or ending_before, not both.", "starting_after")
    for param, cursor in (("starting_after", older_than), ("ending_before", newer_than)):
        if cursor:
            call.find(kind, cursor, param)
    found = call.store.find(
        kind,
        equal=equal,
        types=types,
        created=created,
        older_than=older_than,
        newer_than=newer_than,
        limit=limit + 1,  # one more tells whether there is more
    )
    data = found[-limit:] if newer_than else found[:limit]
    return {"object": "list", "data": data, "has_more": len(found) > limit, "url": url}


def expand(store: Store, obj: Json, path: str) -> None:
    """Replaces the id at a dotted path by the object it names, in place."""
    name, _, rest = path.partition(".")
    if obj["object"] == "list" and name == "data" and rest:
        for item in obj["data"]:
            expand(store, item, rest)
        return
    if obj["object"] == "charge" and name == "refunds":
        refunds = store.find("refund", equal={"charge": obj["id"]})
        obj["refunds"] = {"object": "list", "data": refunds, "has_more": False, "url": "/v1/refunds"}
    elif name in EXPANDABLE and name in obj:
        if isinstance(obj[name], str):
            obj[name] = store.get(obj[name])
        if rest and obj[name]:
            expand(store, obj[name], rest)
    else:
        raise invalid(f"This property cannot be expanded: {name}", "expand")
