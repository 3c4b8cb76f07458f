"""Reads what PostgreSQL's output plugin `pgoutput` (protocol 1) says: begin, relation, insert, commit."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

Row = dict[str, str | None]
"""Column name to its value in text form; a value left out as unchanged is left out here too."""


@dataclass(frozen=True)
class Insert:
    """A row that a committed transaction added to `schema.table`."""

    table: str
    row: Row


@dataclass(frozen=True)
class Commit:
    """The end of a transaction; `end` is the position in the log just behind it."""

    end: int


@dataclass
class Reader:
    """Remembers the tables that the stream has described, for the rows that follow."""

    _tables: dict[int, tuple[str, list[str]]] = field(default_factory=dict[int, tuple[str, list[str]]])

    def read(self, message: bytes) -> Insert | Commit | None:
        """One message of the stream; None for those that need no answer. Raises ValueError for a broken one."""
        try:
            match message[:1]:
                case b"R":
                    self._describe(_Cursor(message, 1))
                case b"I":
                    return self._insert(_Cursor(message, 1))
                case b"C":
                    _flags, _commit, end, _time = struct.unpack_from(">BQQq", message, 1)
                    return Commit(end)
                case _:
                    pass
        except (struct.error, IndexError, KeyError) as error:
            raise ValueError("The replication stream holds a broken message.") from error
        return None

    def _describe(self, cursor: _Cursor) -> None:
        oid, schema, table = cursor.integer(4), cursor.string(), cursor.string()
        cursor.integer(1)  # replica identity
        columns: list[str] = []
        for _ in range(cursor.integer(2)):
            cursor.integer(1)  # part of the key or not
            columns.append(cursor.string())
            cursor.integer(8)  # type and its modifier
        self._tables[oid] = (f"{schema}.{table}", columns)

    def _insert(self, cursor: _Cursor) -> Insert:
        table, columns = self._tables[cursor.integer(4)]
        cursor.integer(1)  # always `N`, the new row
        row: Row = {}
        for column in columns[: cursor.integer(2)]:
            kind = cursor.take(1)
            if kind == b"n":
                row[column] = None
            elif kind != b"u":
                row[column] = cursor.take(cursor.integer(4)).decode()
        return Insert(table, row)


class _Cursor:
    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position = data, position

    def take(self, size: int) -> bytes:
        start, self._position = self._position, self._position + size
        if self._position > len(self._data):
            raise IndexError("past the end")
        return self._data[start : self._position]

    def integer(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def string(self) -> str:
        end = self._data.find(b"\0", self._position)
        if end < 0:
            raise IndexError("string without an end")
        text = self.take(end - self._position)
        self._position += 1
        return text.decode()
