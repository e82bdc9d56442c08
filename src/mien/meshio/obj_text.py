"""An OBJ file's bytes as columns of numbers, without a loop over lines."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Int

from mien.core.errors import MienError
from mien.meshio.encodings import joined_continuations, unmarked


@dataclass(frozen=True)
class ObjText:
    """The file's text with its line starts; lines are counted from 0 here, from 1 in messages."""

    path: Path
    data: bytes
    starts: Int[np.ndarray, " L"]
    ends: Int[np.ndarray, " L"]

    @classmethod
    def read(cls, path: Path) -> ObjText:
        """With marks, line ends, tabs, continued lines and indentation brought to one form."""
        data = unmarked(path.read_bytes()).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        data = joined_continuations(data).replace(b"\t", b" ")
        if b"1.#" in data:  # Microsoft's NaN and infinity
            data = re.sub(rb"-?1\.#(?:QNAN|SNAN|IND|INF)\d*", b"nan", data)
        if b"\n " in data or data.startswith(b" "):
            data = re.sub(rb"(?m)^ +", b"", data)
        data += b"" if data.endswith(b"\n") else b"\n"
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
        return cls(path, data, np.concatenate([[0], ends[:-1] + 1]), ends)

    def line(self, row: int) -> str:
        """One line's text; bytes that are no UTF-8 stay as surrogates."""
        return self.data[self.starts[row] : self.ends[row]].decode("utf-8", "surrogateescape").strip()

    def rows(self, keyword: bytes) -> Int[np.ndarray, " R"]:
        """The lines that start with this word and a space."""
        octets = np.frombuffer(self.data + b"\0" * (len(keyword) + 1), np.uint8)
        found = np.arange(len(self.starts))
        for i, letter in enumerate(keyword + b" "):
            found = found[octets[self.starts[found] + i] == letter]
        return found

    def bodies(self, rows: Int[np.ndarray, " R"], keyword: bytes) -> bytes:
        """These lines without keyword and comments, one a line."""
        step = np.zeros(len(self.data) + 1, np.int8)
        step[self.starts[rows] + len(keyword)] = 1
        step[self.ends[rows] + 1] -= 1
        inside = np.cumsum(step, dtype=np.int8)[:-1].view(bool)
        text = np.frombuffer(self.data, np.uint8)[inside].tobytes()
        return re.sub(rb"#[^\n]*", b"", text) if b"#" in text else text

    def refuse(self, row: int, expected: str) -> NoReturn:
        """One line of what stands on a line and what should."""
        cut = "the file looks cut off, export or copy it again"
        advice = cut if row >= len(self.starts) - 2 else "repair or re-export the scan"
        raise MienError(f"{self.path}: line {row + 1} is {self.line(row)[:60]!r}, {expected}; {advice}")


def token_starts(text: bytes) -> Int[np.ndarray, " T"]:
    """Where each run of visible characters begins."""
    visible = np.frombuffer(text, np.uint8) > ord(" ")
    visible_before = np.concatenate([[False], visible[:-1]])
    return np.flatnonzero(visible & ~visible_before)


def tokens_per_line(text: bytes, starts: Int[np.ndarray, " T"]) -> Int[np.ndarray, " R"]:
    """How many tokens each line of a text holds."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n"))
    return np.diff(np.searchsorted(starts, ends), prepend=0)


def parse_numbers(text: bytes, dtype: type, expected: int) -> np.ndarray | None:
    """All numbers of a text; None where it holds something else or not as many as expected."""
    if not text.strip():
        return np.zeros(0, dtype) if expected == 0 else None
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # numpy's way to say: not all was numbers
        try:
            numbers: np.ndarray = np.fromstring(text, dtype, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return numbers if len(numbers) == expected else None
