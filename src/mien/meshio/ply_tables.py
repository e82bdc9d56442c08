"""A PLY file's tables, text or binary of either byte order.

Sizes that the file claims are held against the bytes that it has before anything is allocated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from mien.core.errors import MienError
from mien.meshio.obj_text import parse_numbers, token_starts, tokens_per_line
from mien.meshio.ply_header import CUT, Element, PlyHeader, Property
from mien.meshio.ply_rows import row_starts

# a column: a number each entry, or for lists (length of each, all items one after the other)
Table = dict[str, np.ndarray | tuple[np.ndarray, np.ndarray]]
_LARGEST_ROW = 2**31 - 1  # bytes; numpy's limit for a record
_NOT_NUMBERS = re.compile(rb"[-+]?\d\.#\w*")  # NaN and infinity as Microsoft's C library printed them


def read_tables(header: PlyHeader, data: bytes, wanted: Collection[str]) -> dict[str, Table]:
    """The tables of these elements that the file has; others are stepped over, whatever they hold.

    Refuses with `MienError` an element that has less in the file than the header says.
    """
    last = max((i for i, e in enumerate(header.elements) if e.name in wanted), default=-1)
    body = _Text.of(data, header.end) if header.order == "" else _Binary(data, header.end, header.order)
    tables: dict[str, Table] = {}
    for element in header.elements[: last + 1]:
        read = element.name in wanted and element.name not in tables
        try:
            table = body.take(element, read)
        except (ValueError, IndexError):
            raise MienError(
                f"{header.path}: its {element.count} {element.name} entries cannot be read; {CUT}"
            ) from None
        if read:
            tables[element.name] = table
    return tables


@dataclass
class _Binary:
    data: bytes
    at: int
    order: str

    def take(self, element: Element, read: bool) -> Table:
        if not element.properties or not element.count:
            return {}
        if element.count * element.least_bytes > len(self.data) - self.at:
            raise ValueError
        if not any(p.length for p in element.properties) and not read:
            self.at += element.count * element.least_bytes
            return {}
        return self._equal_rows(element) or self._unequal_rows(element, read)

    def _equal_rows(self, element: Element) -> Table:
        """All rows in one go, where their lists are as long as the first row's; else empty."""
        lengths = self._first_lengths(element)
        sizes = [
            p.least_bytes if n is None else p.least_bytes + n * int(p.kind[1])
            for p, n in zip(element.properties, lengths, strict=True)
        ]
        if sum(sizes) > _LARGEST_ROW or sum(sizes) * element.count > len(self.data) - self.at:
            return {}
        fields: list[tuple] = []
        for i, (p, n) in enumerate(zip(element.properties, lengths, strict=True)):
            fields += [] if n is None else [(f"n{i}", self.order + p.length)]
            fields.append(
                (f"v{i}", self.order + p.kind) if n is None else (f"v{i}", self.order + p.kind, (n,))
            )
        block = np.frombuffer(self.data, np.dtype(fields), element.count, self.at)
        if not all((block[f"n{i}"] == n).all() for i, n in enumerate(lengths) if n is not None):
            return {}
        self.at += block.nbytes
        table: Table = {}
        for i, (p, n) in enumerate(zip(element.properties, lengths, strict=True)):
            values = block[f"v{i}"]
            table.setdefault(p.name, values if n is None else (np.full(element.count, n), values.reshape(-1)))
        return table

    def _first_lengths(self, element: Element) -> list[int | None]:
        lengths: list[int | None] = []
        at = self.at
        for p in element.properties:
            if not p.length:
                lengths.append(None)
                at += p.least_bytes
                continue
            length = int(np.frombuffer(self.data, self.order + p.length, 1, at)[0])
            at += p.least_bytes + length * int(p.kind[1])
            if length < 0 or at > len(self.data):
                raise ValueError
            lengths.append(length)
        return lengths

    def _unequal_rows(self, element: Element, read: bool) -> Table:
        starts, end = row_starts(self.data, self.at, element, self.order)
        self.at = end
        if not read:
            return {}

        def take(where: np.ndarray, kind: str) -> np.ndarray:
            """Values that begin at these bytes, by a view that has one at every byte."""
            return np.ndarray((len(self.data) - int(kind[1]) + 1,), self.order + kind, self.data, 0, (1,))[
                where
            ]

        ends = np.append(starts[1:], end)
        return _columns(element.properties, (starts, ends), take, lambda kind: int(kind[1]))


@dataclass
class _Text:
    """The lines that are not blank: where each begins and ends in `text`, and the next to be read."""

    text: bytes
    starts: Int[np.ndarray, " L"]
    ends: Int[np.ndarray, " L"]
    at: int = 0

    @classmethod
    def of(cls, data: bytes, begin: int) -> _Text:
        text = data[begin:].replace(b"\r\n", b"\n").replace(b"\r", b"\n") + b"\n"
        if b"#" in text:
            text = _NOT_NUMBERS.sub(b"nan", text)
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1])
        filled = np.logical_or.reduceat(np.frombuffer(text, np.uint8) > ord(" "), starts)
        return cls(text, starts[filled], ends[filled])

    def take(self, element: Element, read: bool) -> Table:
        if not element.properties or not element.count:
            return {}
        if element.count > len(self.starts) - self.at:
            raise ValueError
        first, last = self.starts[self.at], self.ends[self.at + element.count - 1]
        self.at += element.count
        return _text_table(self.text[first : last + 1], element) if read else {}


def _text_table(text: bytes, element: Element) -> Table:
    starts = token_starts(text)
    width = tokens_per_line(text, starts)
    numbers = parse_numbers(text, np.float64, len(starts))
    if numbers is None:
        raise ValueError
    width = width[width > 0]
    ends = np.cumsum(width)
    return _columns(element.properties, (ends - width, ends), lambda where, _: numbers[where], lambda _: 1)


def _columns(
    properties: tuple[Property, ...],
    rows: tuple[Int[np.ndarray, " R"], Int[np.ndarray, " R"]],
    take: Callable[[np.ndarray, str], np.ndarray],
    size: Callable[[str], int],
) -> Table:
    """Reads the properties one after the other for all rows at once; `rows` is where each begins and ends."""
    table: Table = {}
    at, end = rows
    for p in properties:
        here, at = at, at + size(p.length or p.kind)
        if (at > end).any():
            raise ValueError
        if not p.length:
            table.setdefault(p.name, _typed(take(here, p.kind), p.kind))
            continue
        counts = take(here, p.length)
        if not ((counts >= 0) & (counts <= end - at)).all():
            raise ValueError
        counts = counts.astype(np.int64)
        here, at = at, at + counts * size(p.kind)
        if (at > end).any():
            raise ValueError
        step = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        items = take(np.repeat(here, counts) + step * size(p.kind), p.kind)
        table.setdefault(p.name, (counts, _typed(items, p.kind)))
    return table


def _typed(values: np.ndarray, kind: str) -> np.ndarray:
    """Numbers of a text in their type, where that can hold them: headers say uchar of fractions, too."""
    if kind[0] == "f" or values.dtype.kind != "f":
        return values
    limits = np.iinfo(kind)
    fits = (values >= limits.min) & (values <= limits.max) & (values == np.floor(values))
    return values.astype(kind) if fits.all() else values
