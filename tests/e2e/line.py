"""A browser's lines to the outside, in the hands of a test: broadcasts lost, doubled or cut off, answers held back."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, WebSocketRoute

_REALTIME = re.compile(r"/realtime/v1/websocket")


class Line:
    """Stands between one page and Realtime, from the page's next connection on."""

    def __init__(self, page: Page) -> None:
        self.mute = False
        """Drop broadcasts on the way; all else, heartbeats too, passes."""
        self.twice = False
        """Each broadcast arrives two times."""
        self.received: list[str | bytes] = []
        """The broadcasts that the page was sent, in order."""
        self._cut = False
        self._connections: list[WebSocketRoute] = []
        page.route_web_socket(_REALTIME, self._connect)

    def cut(self) -> None:
        """End the connection, and let no new one through until restore()."""
        self._cut = True
        for connection in self._connections:
            connection.close(code=1012, reason="cut by the test")
        self._connections.clear()

    def restore(self) -> None:
        self._cut = False

    def repeat(self, messages: list[str | bytes]) -> None:
        """Send the page broadcasts of the past once more."""
        for message in messages:
            self._connections[-1].send(message)

    def _connect(self, page: WebSocketRoute) -> None:
        if self._cut:
            page.close(code=1012, reason="cut by the test")
            return
        self._connections.append(page)
        server = page.connect_to_server()
        server.on_message(lambda message: self._forward(page, message))

    def _forward(self, page: WebSocketRoute, message: str | bytes) -> None:
        if not _is_broadcast(message):
            page.send(message)
        elif not self.mute:
            for _ in range(2 if self.twice else 1):
                self.received.append(message)
                page.send(message)


class Withheld:
    """Requests of a page to addresses like that are held back until let_go()."""

    def __init__(self, page: Page, address: str) -> None:
        self._page, self._address = page, address
        self._routes: list[Route] = []
        page.route(address, lambda route: self._routes.append(route))

    def wait(self) -> None:
        """Until one is held back."""
        while not self._routes:
            self._page.wait_for_timeout(20)

    def let_go(self) -> None:
        """Those that were held back go on, and no others are."""
        for route in self._routes:
            route.continue_()
        self._page.unroute(self._address)


def _is_broadcast(message: str | bytes) -> bool:
    """Binary, or as JSON with the names of sql/booking/broadcasts.sql."""
    return isinstance(message, bytes) or '"seat:' in message or '"showtime:update"' in message
