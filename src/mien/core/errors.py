"""The one exception that a user is meant to see."""

import re


class MienError(Exception):
    """A refusal: one line that says what was wrong, what was given, what was expected and what to do.

    The command line prints it as `mien: <message>` and exits with status 1. Anything else is a bug:
    `mien.core.faults` gives it one line, too, and keeps it as the cause.
    """

    def __init__(self, message: str) -> None:
        super().__init__(readable(message))


def readable(text: str) -> str:
    r"""Text as any terminal or file can hold it: bytes of names that are not UTF-8 are written as `\xc4`."""
    return re.sub("[\ud800-\udfff]", lambda found: _escaped(ord(found[0])), text)


def _escaped(code: int) -> str:
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
