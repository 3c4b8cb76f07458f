"""QR codes as SVG paths, so that a page draws them without reading markup from a server."""

from __future__ import annotations

import segno

from backend import schemas


def qr_code(content: str) -> schemas.QrCode:
    """Return a QR code as an SVG path of its dark modules, and how many a side has with the quiet zone of four."""
    code = segno.make_qr(content, error="l", boost_error=False)
    rows = [bytes(row) for row in code.matrix_iter(border=4)]
    path = "".join(f"M{x} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for x, length in _runs(row))
    return schemas.QrCode(size=len(rows), path=path)


def _runs(row: bytes) -> list[tuple[int, int]]:
    """Return where dark modules begin, and how many there are in a line."""
    runs: list[tuple[int, int]] = []
    for x, dark in enumerate(row):
        if dark and x and row[x - 1]:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        elif dark:
            runs.append((x, 1))
    return runs
