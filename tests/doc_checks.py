"""What pages say, held against what is there: blocks of code, commands, options, files, modules, anchors."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import tyro

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*\Z")
PAGE_NOT_RUN = re.compile(r"<!-- no block is run: (.+?) -->")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
FOLDERS = {"assets": ROOT / "src/mien/assets"} | {
    name: ROOT / name for name in ("src", "docs", "tests", "tools", "examples", "requirements")
}


@dataclass(frozen=True)
class Block:
    """A fenced block; `why_not` is the reason that a comment before it gives for not running it."""

    page: str
    line: int
    language: str
    code: str
    why_not: str | None


def pages() -> list[Path]:
    """README, CONTRIBUTING and everything in docs."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text: str, page: str = "") -> list[Block]:
    """A page's fenced blocks in order."""
    whole = PAGE_NOT_RUN.search(text)
    out = []
    for match in FENCE.finditer(text):
        before = NOT_RUN.search(text[: match.start()])
        reason = (before or whole) and (before or whole).group(1)  # type: ignore[union-attr]
        line = text.count("\n", 0, match.start()) + 1
        out.append(Block(page, line, match.group(1), match.group(2), reason))
    return out


def run_python(found: list[Block]) -> list[str]:
    """Runs a page's python blocks in order, in one namespace and the current folder; what failed, in words."""
    namespace: dict[str, object] = {"__name__": "__page__"}
    for block in found:
        if block.language == "python" and block.why_not is None:
            lines = "\n" * block.line + block.code  # so that a traceback names the page's own line
            try:
                exec(compile(lines, block.page, "exec"), namespace)
            except Exception as error:
                return [f"{block.page}:{block.line}: {type(error).__name__}: {error}"]
    return []


def commands(text: str) -> list[str]:
    """Every whole `mien ...` command of a page's sh blocks, without comments."""
    out = []
    for block in blocks(text):
        for line in block.code.splitlines() if block.language == "sh" else ():
            words = shlex.split(line, comments=True)
            if words and words[0].rpartition("/")[2] == "mien":
                out.append(shlex.join(words[1:]))
    return out


class _Parsed(Exception):
    """The command line was understood."""


def usage_fault(arguments: list[str]) -> str | None:
    """Why the real command line does not take these arguments; None where it does. Nothing is run."""
    said = _main(arguments)
    return None if said is None else f"mien {shlex.join(arguments)}: {' '.join(said.split())[-300:]}"


def _main(arguments: list[str]) -> str | None:
    from mien.cli.main import main

    real = tyro.cli

    def parse(*args: object, **kwargs: object) -> None:
        real(*args, **kwargs)  # type: ignore[call-overload]
        raise _Parsed

    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tyro, "cli", parse)
        patch.setattr(sys, "argv", ["mien", *arguments])
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            try:
                main()
            except _Parsed:
                return None
            except SystemExit as stop:
                return None if not stop.code else said.getvalue() or "refused"
    return "it did not parse its arguments"


@cache
def help_of(path: tuple[str, ...]) -> str | None:
    """What `mien PATH --help` prints; None where there is no such command."""
    from mien.cli.main import main

    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(said):
        patch.setattr(sys, "argv", ["mien", *path, "--help"])
        with contextlib.redirect_stdout(said), pytest.raises(SystemExit) as stop:
            main()
    return None if stop.value.code else said.getvalue()


@cache
def options_of_all_commands() -> frozenset[str]:
    """Every option of every `mien` command."""
    found: set[str] = set()
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        path = waiting.pop()
        text = help_of(path) or ""
        found |= set(FLAG.findall(text))
        inner = re.search(r"^usage:.*?\{([a-z,]+)\}$", text.splitlines()[0] if text else "")
        waiting += [(*path, name) for name in inner.group(1).split(",")] if inner else []
    return frozenset(found)


@cache
def _scripts() -> str:
    """The source of everything that parses arguments of its own."""
    every = [path.read_text() for folder in ("tools", "src") for path in (ROOT / folder).rglob("*.py")]
    return "\n".join(text for text in every if "add_argument(" in text or "tyro.cli(" in text)


def _takes(source: str, option: str) -> bool:
    """Whether a script names the option, or has a field or parameter that tyro makes it of."""
    field = option.removeprefix("--").replace("-", "_")
    return f'"{option}"' in source or re.search(rf"\b{field}: \w", source) is not None


def faults(text: str, place: Path) -> list[str]:
    """All that a page at `place` names and that is not there."""
    out = [fault for arguments in commands(text) if (fault := usage_fault(_filled(arguments)))]
    prose = FENCE.sub("", text)
    for target in LINK.findall(prose):
        out += _link_faults(target, text, place)
    for span in SPAN.findall(prose):
        for rule in (_command_faults, _script_faults, _option_faults, _path_faults, _name_faults):
            out += rule(span.replace("\\|", "|"))
    return [f"{place.name}: {fault}" for fault in dict.fromkeys(out)]


def _filled(arguments: str) -> list[str]:
    """A documented command with numbers for its single capitals."""
    return [re.sub(r"^[A-Z]$", "1", word) for word in shlex.split(arguments) if word != "..."]


def _words_of(span: str) -> list[str]:
    return re.sub(r"[\[\]]", " ", span).split()


def _command_faults(span: str) -> Iterator[str]:
    words = _words_of(span)
    if not words or words[0].rpartition("/")[2] != "mien" or len(words) == 1:
        return
    path = tuple(word for word in words[1:3] if re.fullmatch(r"[a-z]+(-[a-z]+)*", word))
    text = help_of(path)
    if text is None:
        yield f"`{span}`: there is no command `mien {' '.join(path)}`"
        return
    for option in FLAG.findall(span):
        if option not in FLAG.findall(text):
            yield f"`{span}`: `mien {' '.join(path)}` has no option {option}"


def _script_faults(span: str) -> Iterator[str]:
    words = _words_of(span)
    if words[:1] == ["make"] and len(words) > 1 and words[1] not in _targets():
        yield f"`{span}`: the Makefile has no target {words[1]}"
    if "-m" in words[:-1] and words[words.index("-m") - 1].startswith("python"):
        source = _source_of(words[words.index("-m") + 1])
        if source is None:
            yield f"`{span}`: there is no such module"
            return
        for option in FLAG.findall(span):
            if not _takes(source, option):
                yield f"`{span}`: it has no option {option}"


def _targets() -> list[str]:
    return re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def _source_of(module: str) -> str | None:
    for base in (ROOT, ROOT / "src"):
        path = base.joinpath(*module.split("."))
        files = list(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
        if all(file.is_file() for file in files):
            return "\n".join(file.read_text() for file in files)
    return None


def _option_faults(span: str) -> Iterator[str]:
    if span.startswith("--"):
        for option in FLAG.findall(span):
            if option not in options_of_all_commands() and not _takes(_scripts(), option):
                yield f"`{span}`: no command has the option {option}"


def _path_faults(span: str) -> Iterator[str]:
    match = re.fullmatch(r"(\w+)/([\w./*-]+?)/?", span)
    if match and match.group(1) in FOLDERS and not list(FOLDERS[match.group(1)].glob(match.group(2))):
        yield f"`{span}`: there is no such file"


def _name_faults(span: str) -> Iterator[str]:
    match = re.match(r"mien(?:\.[A-Za-z_]\w*)+", span)
    if match and not span.endswith((".git", ".toml")) and _resolved(match.group(0)) is None:
        yield f"`{span}`: there is no {match.group(0)}"


def _resolved(dotted: str) -> object | None:
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            thing = getattr(thing, name, None)
            if thing is None:
                return None
        return thing
    return None


def _link_faults(target: str, text: str, place: Path) -> Iterator[str]:
    if re.match(r"[a-z]+:", target):
        return
    file, _, anchor = target.partition("#")
    path = (place.parent / file).resolve() if file else place
    if not path.exists():
        yield f"({target}): there is no such file"
    elif anchor and anchor not in _anchors(path.read_text() if file else text):
        yield f"({target}): the page has no such heading"


def _anchors(text: str) -> set[str]:
    """Headings as GitHub makes anchors of them."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    plain: Callable[[str], str] = lambda title: re.sub(r"[^\w\- ]", "", title.lower())  # noqa: E731
    return {plain(title).replace(" ", "-") for title in titles}
