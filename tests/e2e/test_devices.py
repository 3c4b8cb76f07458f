"""A phone, a tablet and a desktop: the story on each, with fingers where there are fingers, and nothing wider than the
screen or smaller than a fingertip."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.axe import findings
from tests.e2e.visitor import Visitor

PHONE: dict[str, Any] = {"width": 360, "height": 740, "has_touch": True, "is_mobile": True, "device_scale_factor": 3}
TABLET: dict[str, Any] = {"width": 768, "height": 1024, "has_touch": True, "is_mobile": True}
TABLET_SIZE = {"width": TABLET["width"], "height": TABLET["height"]}
DESKTOP: dict[str, Any] = {"width": 1280, "height": 800}

# Links in a sentence are as high as its line; what nobody sees is not touched; some links reach over their whole card.
SMALL = """() => [...document.querySelectorAll('a, button, input, select, summary, [role=button]')]
  .filter((one) => one.checkVisibility({ checkVisibilityCSS: true }) && !one.closest('.sr-only, [aria-hidden=true]'))
  .filter((one) => !(one.matches('a') && getComputedStyle(one).display === 'inline' && one.closest('p, li, dd')))
  .filter((one) => getComputedStyle(one, '::after').position !== 'absolute')
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([, box]) => Math.round(box.width) < 44 || Math.round(box.height) < 44)
  .map(([one, box]) => `${Math.round(box.width)} x ${Math.round(box.height)}: ${one.outerHTML.slice(0, 200)}`)"""

WIDER = """() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  return scrollWidth > clientWidth ? `${scrollWidth} > ${clientWidth}` : '';
}"""

SEAT_WIDTH = "document.querySelector('[role=gridcell]').getBoundingClientRect().width"
SCROLLED = "document.querySelector('[role=grid]').parentElement.scrollLeft"


@pytest.mark.parametrize(
    "screen",
    [
        pytest.param(PHONE, id="phone"),
        pytest.param(TABLET, id="tablet", marks=pytest.mark.slow),
        pytest.param(DESKTOP, id="desktop", marks=pytest.mark.slow),
    ],
)
def test_the_story(visit: Callable[..., Visitor], screen: dict[str, Any]) -> None:
    visitor = visit(**screen)
    page, showtime = visitor.page, visitor.frontrow.cinema.showtime_id
    customer = visitor.frontrow.register()
    visitor.open("/sign-in")
    visitor.sees("Sign in")
    fits(visitor, "sign in")
    visitor.open("/register")
    visitor.sees("Create an account")
    fits(visitor, "register")
    visitor.enters_as(customer)

    visitor.open("/")
    visitor.sees("Nosferatu")
    fits(visitor, "films")
    if screen is PHONE:
        visitor.press("Filters")
        expect(page.get_by_role("combobox", name="Genre")).to_be_visible()
        fits(visitor, "films with filters open")
    visitor.open("/films/nosferatu-at-the-scala")
    visitor.sees("Nosferatu")
    way = page.locator(f'a[href="/showtimes/{showtime}"]')
    expect(way).to_be_visible()
    fits(visitor, "film")
    visitor.hits(way)

    visitor.sees_seat("C5", "free")
    fits(visitor, "seats")
    if screen is PHONE:
        # The first tap comes closer, the next one chooses.
        visitor.choose("C5")
        visitor.gets_announcement("Zoomed in. Tap a seat to choose it.")
        visitor.sees_seat("C5", "free")
    visitor.holds("C5", "C6")
    if screen is PHONE:
        box = visitor.seat("C6").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        visitor.press("Show seats")
        visitor.press("Remove C6")
        visitor.sees_seat("C6", "free")
        fits(visitor, "seats with the sheet open")
        visitor.press("Hide seats")
        visitor.holds("C6")
    fits(visitor, "seats held")
    visitor.goes_to_pay()
    fits(visitor, "checkout")
    visitor.pays()
    visitor.has_ticket()
    expect(page.get_by_role("img", name=re.compile("QR"))).to_be_visible()
    fits(visitor, "ticket")
    visitor.press("Cancel this booking")
    fits(visitor, "question")
    visitor.press("Keep my seats")
    visitor.press("My tickets")
    visitor.sees("Upcoming")
    fits(visitor, "my tickets")
    visitor.press("Account")
    visitor.sees("Your account")
    fits(visitor, "account")
    visitor.open("/nowhere")
    visitor.sees("Page not found")
    fits(visitor, "nowhere")


def test_two_fingers_zoom_and_one_finger_drags(visit: Callable[..., Visitor]) -> None:
    """The map alone, not the page; and what is dragged is not chosen."""
    visitor = visit(**PHONE)
    visitor.has_account()
    visitor.open_seats()
    page = visitor.page
    before = page.evaluate(SEAT_WIDTH)
    frame = page.locator("[role=grid]").locator("xpath=..")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    fingers(page, *[[(x - apart, y), (x + apart, y)] for apart in range(20, 101, 10)])
    page.wait_for_function(f"(before) => {SEAT_WIDTH} > 2 * before", arg=before)
    assert page.evaluate("visualViewport.scale") == 1
    left = page.evaluate(SCROLLED)
    fingers(page, *[[(x - moved, y)] for moved in range(0, 121, 10)])
    page.wait_for_function(f"(left) => {SCROLLED} > left + 40", arg=left)
    assert visitor.evaluate("document.querySelectorAll('[role=gridcell][aria-selected=true]').length") == 0
    assert page.evaluate(WIDER) == ""
    fingers(page, *[[(x - apart, y), (x + apart, y)] for apart in range(120, 19, -10)])
    page.wait_for_function(f"(before) => {SEAT_WIDTH} < 1.1 * before", arg=before)


def fingers(page: Page, *moments: list[tuple[float, float]]) -> None:
    """Fingers go down at the first places, over all others, and up."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, places: list[tuple[float, float]]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", moments[0])
    for places in moments[1:]:
        send("touchMove", places)
    send("touchEnd", [])
    session.detach()


def fits(visitor: Visitor, where: str) -> None:
    """Nothing to scroll sideways, every button, link and field large enough for a fingertip, and nothing for axe."""
    assert visitor.evaluate(WIDER) == "", where
    assert visitor.evaluate(SMALL) == [], where
    if visitor.page.viewport_size != TABLET_SIZE:  # it is laid out as a desk or as a phone is
        assert [str(finding) for finding in findings(visitor.page, where)] == []
