"""A visitor at a browser, who finds things by their text or accessible name, as people do."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, expect

from tests.http.frontrow import PASSWORD, Customer, Frontrow

PATIENCE = 30_000
"""Milliseconds that a busy machine may take for what is there at once on an idle one."""
expect.set_options(timeout=PATIENCE)

CARDS = {"Succeeds", "Declined", "Insufficient funds", "3-D Secure"}
"""The test cards that the card form offers."""

_DIARY = """() => {
  globalThis.diary = new Map();
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      const label = target.getAttribute('aria-label') ?? '';
      const [row, seat] = label.split(', ');
      diary.set(`${row}, ${seat},` + label.split(', ').at(-1), Date.now());
    }
  }).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['aria-label'] });
}"""


def _begins(seat: str) -> str:
    """Return how the accessible name of a seat begins: B7 is Row B, seat 7."""
    return f"Row {seat[0]}, seat {seat[1:]},"


class Visitor:
    """One person with one browser, and one tab of it. `page` is Playwright's, for whatever is not named here."""

    def __init__(self, frontrow: Frontrow, page: Page, by_finger: bool = False) -> None:
        """`by_finger`: taps where others click. The context must have touch."""
        self.frontrow, self.page = frontrow, page
        self._by_finger = by_finger
        self.complaints: list[str] = []
        """Errors in the browser's console, less those that the test expects."""
        self._expected: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", self._on_page_error)

    def expects_complaints(self, pattern: str) -> None:
        """From now on the browser's console may say this: Chromium reports every answer of 4xx as an error."""
        self._expected.append(pattern)

    def has_a_clock(self) -> None:
        """Take hold of the clock and the timers of this browser, before its first page is opened; see waits()."""
        self.page.clock.install()

    def waits(self, seconds: float) -> None:
        """Let so much time pass in this browser; not at the server. What is due by then is done once."""
        self.page.clock.fast_forward(int(seconds * 1000))

    def tab(self) -> Visitor:
        """The same browser, another tab."""
        return Visitor(self.frontrow, self.page.context.new_page(), self._by_finger)

    # Who it is --------------------------------------------------------------------------------------------------------

    def has_account(self) -> Customer:
        """A new customer of Frontrow, signed in here since before the first page is opened."""
        customer = self.frontrow.register()
        self.enters_as(customer)
        return customer

    def enters_as(self, customer: Customer) -> None:
        """Sign a customer in here, before the first page is opened."""
        answer = self.page.context.request.post(
            f"{self.frontrow.api}/api/auth/login",
            data={"email": customer.email, "password": PASSWORD},
            headers={"Origin": self.frontrow.page},
        )
        assert answer.ok, answer.text()

    # Where it is ------------------------------------------------------------------------------------------------------

    def open(self, path: str) -> None:
        self.page.goto(path)

    def open_seats(self, showtime_id: int | None = None) -> None:
        """The seat map of a showtime, by default the test's own, read and live."""
        self.open(f"/showtimes/{showtime_id or self.frontrow.cinema.showtime_id}")
        expect(self.page.get_by_text("Live", exact=True)).to_be_attached()

    def sees(self, heading: str | re.Pattern[str], timeout: float = PATIENCE) -> None:
        """Expect a page, or a part of it, with that heading."""
        expect(self.page.get_by_role("heading", name=heading).filter(visible=True).first).to_be_visible(timeout=timeout)

    def sees_text(self, sentence: str | re.Pattern[str], timeout: float = PATIENCE) -> None:
        """Expect a visible sentence on the page."""
        expect(self.page.get_by_text(sentence).filter(visible=True).first).to_be_visible(timeout=timeout)

    def gets_announcement(self, sentence: str | re.Pattern[str], timeout: float = PATIENCE) -> None:
        """Expect a sentence in a live region, where screen readers announce it."""
        live = self.page.locator("[aria-live], [role=status], [role=alert]").filter(has_text=sentence)
        expect(live.first).to_be_attached(timeout=timeout)

    # What it does -----------------------------------------------------------------------------------------------------

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press a button or a link, by its name."""
        button = self.page.get_by_role("button", name=name, exact=isinstance(name, str))
        link = self.page.get_by_role("link", name=name, exact=isinstance(name, str))
        self.hits(button.or_(link))

    def press_in_main(self, name: str) -> None:
        """Press a button of the page itself, where the header has a link of that name."""
        self.hits(self.page.get_by_role("main").get_by_role("button", name=name, exact=True))

    def fill(self, **fields: str) -> None:
        """Fill fields by their labels: fill(Password="secret"), with _ for a space."""
        for label, value in fields.items():
            self.page.get_by_label(label.replace("_", " "), exact=True).fill(value)

    def seat(self, name: str) -> Locator:
        """Return a seat of the map: seat("B7")."""
        return self.page.locator(f'[role=gridcell][aria-label^="{_begins(name)}"]')

    def choose(self, *names: str) -> None:
        for name in names:
            self.hits(self.seat(name))

    def sees_seat(self, name: str, state: str, timeout: float = PATIENCE) -> None:
        """Expect a state: free, yours, on hold, sold, bought by you."""
        expect(self.seat(name)).to_have_attribute("aria-label", re.compile(f", {state}$"), timeout=timeout)

    def keeps_a_diary(self) -> None:
        """Note from now on when each seat of the map changes, for saw()."""
        self.page.evaluate(_DIARY)

    def saw(self, name: str, state: str) -> float:
        """Wait until the seat is shown so; return since when, in seconds since 1970."""
        self.sees_seat(name, state)
        return float(self.page.evaluate("([seat, state]) => diary.get(seat + state)", [_begins(name), state])) / 1000

    def holds(self, *names: str) -> None:
        """Choose seats and wait until the server has confirmed them: their time runs."""
        self.choose(*names)
        for name in names:
            self.sees_seat(name, "yours")
        expect(self.page.get_by_role("timer")).to_be_visible()

    def goes_to_pay(self) -> None:
        """Go from the seat map to the card form."""
        self.press("Continue to payment")
        self.sees("Checkout")
        expect(self.page.get_by_role("button", name=re.compile("^Pay "))).to_be_enabled()

    def goes_to_pay_as_guest(self, email: str) -> None:
        """Go from the seat map to the card form, and say on the way where the tickets go."""
        self.press("Continue to payment")
        self.sees("Checkout")
        self.fill(Your_name="Ada Lovelace", Email_address=email)
        self.press("Continue to payment")
        expect(self.page.get_by_role("button", name=re.compile("^Pay "))).to_be_enabled()

    def pays(self, card: str = "Succeeds") -> None:
        """Fill in a test card and pay with it."""
        assert card in CARDS
        self.press(card)
        self.press(re.compile("^Pay "))

    def types_card(self, number: str, expiry: str = "12/34", cvc: str = "123") -> None:
        """Type a card that is not among those offered."""
        self.fill(Card_number=number, Expiry_date=expiry, Security_code=cvc)

    def has_ticket(self, timeout: float = PATIENCE) -> None:
        """Expect the ticket, which opens by itself."""
        self.sees("Your seats are booked", timeout=timeout)

    def is_at(self, path: str | re.Pattern[str]) -> None:
        """Expect the address to be that path, whatever the query."""
        pattern = path.pattern if isinstance(path, re.Pattern) else re.escape(path)
        expect(self.page).to_have_url(re.compile(rf"^{re.escape(self.frontrow.page)}{pattern}([?#].*)?$"))

    def hits(self, target: Locator) -> None:
        """Click it, or tap it."""
        if self._by_finger:
            target.tap()
        else:
            target.click()

    def evaluate(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"{message.text} ({message.location.get('url', '')})")

    def _on_page_error(self, error: Error) -> None:
        self._note(f"uncaught: {error}")

    def _note(self, complaint: str) -> None:
        if not any(re.search(pattern, complaint) for pattern in self._expected):
            self.complaints.append(complaint)
