"""Writes docs/api.md, the reference of `import mien`, from the docstrings and signatures themselves.

python -m tools.write_api [--check]     # --check: exit 1 where the page is out of date
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import mien

PAGE = Path(__file__).parent.parent / "docs/api.md"
HEAD = """# API reference

<!-- no block is run: they are signatures, written from the code -->

Everything that `import mien` offers. Names are imported when they are first used, so that `import mien` is
immediate. Lengths are metres unless a name or unit says millimetres; angles are radians; colours are sRGB
where stored. The annotation of an array holds its type and shape: `Float[np.ndarray, "V 3"]` is V rows of
3 numbers, `*B` stands for any batch. This page is made by `python -m tools.write_api`.
"""


def page() -> str:
    """The whole reference in Markdown."""
    names = [name for name in mien.__all__ if not name.startswith("_")]
    return "\n".join([HEAD, *(_entry(name, getattr(mien, name)) for name in sorted(names, key=str.lower))])


def _entry(name: str, thing: object) -> str:
    if inspect.isclass(thing):
        members = "".join(_member(name, key, value) for key, value in _public(thing))
        return f"## {name}\n\n{_constructor(name, thing)}{_prose(thing)}\n{members}"
    return f"## {name}\n\n{_code(f'mien.{name}', thing)}{_prose(thing)}\n"


def _constructor(name: str, kind: type) -> str:
    if issubclass(kind, Exception):
        return ""
    fields = [f"    {f.name}: {f.type}" for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    return "```python\n" + "\n".join([f"class mien.{name}:", *fields]) + "\n```\n\n"


def _public(kind: type) -> Iterator[tuple[str, object]]:
    for key, value in vars(kind).items():
        documented = inspect.isfunction(value) or isinstance(value, classmethod | property)
        documented = documented or type(value).__name__ == "cached_property"
        if documented and (not key.startswith("_") or key == "__call__") and _docstring(value):
            yield key, value


def _member(owner: str, key: str, value: object) -> str:
    title = owner.lower() if key == "__call__" else f"{owner}.{key}"
    inner = getattr(value, "__func__", value)
    code = _code(title, inner) if inspect.isfunction(inner) else ""
    return f"### {title}\n\n{code}{_prose(value)}\n"


def _code(title: str, function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    parameters = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    own = [_parameter(p) for p in parameters]
    first = next((n for n, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY), None)
    if first is not None and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        own.insert(first, "*")
    line = f"{title}({', '.join(own)}) -> {signature.return_annotation}"
    if len(line) > 100:
        line = f"{title}(\n" + "".join(f"    {one},\n" for one in own) + f") -> {signature.return_annotation}"
    return f"```python\n{line}\n```\n\n"


def _parameter(parameter: inspect.Parameter) -> str:
    """As it stands in the code; annotations are strings there already."""
    star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    annotated = f"{star}{parameter.name}: {parameter.annotation}"
    return annotated if parameter.default is parameter.empty else f"{annotated} = {parameter.default!r}"


def _docstring(thing: object) -> str | None:
    return inspect.getdoc(getattr(thing, "__func__", thing))


def _prose(thing: object) -> str:
    return (_docstring(thing) or "") + "\n"


def main() -> None:
    """Writes the page, or says whether it is up to date."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/api.md is out of date: run python -m tools.write_api")


if __name__ == "__main__":
    main()
