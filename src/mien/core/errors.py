"""The one exception that a user is meant to see."""


class MienError(Exception):
    """A refusal: one line that says what was wrong, what was got, what was expected and what to do.

    The command line prints it as `mien: <message>` and exits with status 1. Anything else is a bug:
    `mien.core.faults` gives it one line, too, and keeps it as the cause.
    """
