"""What code computes, as a hash: of the syntax of all modules that it reaches by imports.

Comments, docstrings and layout do not count, nor does a module that cannot be reached. Imports are read from
the source, in functions too, and nothing is imported; modules named only in strings are not seen.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mien.core.files import write_atomically

_FORMAT = 1  # of the file of facts, and of what is hashed
_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class ModuleFacts:
    """The hash of a module's syntax, and the absolute names that it imports ("package.module.attribute")."""

    sha256: str
    imports: tuple[str, ...]


class CodeBase:
    """The modules of some packages, given by their folders. Facts are kept in the file `facts`, if given: a
    source file of the same size and time of change is not read again.
    """

    def __init__(self, packages: Mapping[str, Path], facts: Path | None = None) -> None:
        self._packages = dict(packages)
        self._store = _FactStore(facts)
        self._facts: dict[str, ModuleFacts] = {}
        self._found = cache(self._find)
        self._slices: dict[Path, _Definitions] = {}

    def fingerprint(self, *functions: Callable[..., Any], modules: Iterable[str] = ()) -> str:
        """Changes with what these functions (or classes) compute: with the parts of their own modules that
        they use, and with all modules that these parts reach; and with `modules` and what they reach."""
        used = [self._used(function) for function in functions]
        said = [[f.__module__, *own.syntax] for f, own in zip(functions, used, strict=True)]
        return self._digest(said, {*modules, *(name for own in used for name in own.imports)})

    def reached_by(self, function: Callable[..., Any]) -> list[str]:
        """The modules that a function reaches through what it uses of its own module, in order."""
        return self.reachable(self._used(function).imports)

    def module_hash(self, *modules: str) -> str:
        """Changes with what these modules, or any that they reach, compute."""
        return self._digest([], modules)

    def reachable(self, names: Iterable[str]) -> list[str]:
        """The modules that these imports reach, with the packages about them, in order.

        The outermost package counts only where it is imported by its name: it shows what the rooms below
        hold, and computes nothing.
        """
        reached: set[str] = set()
        waiting = list(names)
        while waiting:
            module = self._found(waiting.pop())
            if module is None or module in reached:
                continue
            reached.add(module)
            waiting += self._facts_of(module).imports
            parent = module.rpartition(".")[0]
            if "." in parent:
                waiting.append(parent)
        return sorted(reached)

    def _used(self, function: Callable[..., Any]) -> _Used:
        path = Path(str(sys.modules[function.__module__].__file__))
        if path not in self._slices:
            self._slices[path] = _Definitions(path.read_text("utf-8"), function.__module__)
        return self._slices[path].reached(function.__qualname__.partition(".")[0])

    def _digest(self, said: list[list[str]], imports: Iterable[str]) -> str:
        modules = [[name, self._facts_of(name).sha256] for name in self.reachable(imports)]
        self._store.save()
        return hashlib.sha256(json.dumps([_FORMAT, said, modules]).encode()).hexdigest()

    def _facts_of(self, module: str) -> ModuleFacts:
        if module not in self._facts:
            self._facts[module] = self._store.facts(self._path(module), module)
        return self._facts[module]

    def _find(self, name: str) -> str | None:
        """The module that an imported name is or is in; None for what lies outside the packages."""
        if name.partition(".")[0] not in self._packages:
            return None
        return name if self._path(name).is_file() else self._found(name.rpartition(".")[0])

    def _path(self, module: str) -> Path:
        root, *names = module.split(".")
        base = self._packages[root].joinpath(*names)
        inside = base / "__init__.py"
        return inside if not names or inside.is_file() else base.with_name(base.name + ".py")


def syntax(source: str) -> str:
    """What a module says, the same for any layout, wording of documentation and version of Python."""
    return _dump(ast.parse(source))


def read_facts(source: str, module: str, *, package: bool) -> ModuleFacts:
    """The facts of a module's source. Of a package's own only what runs on import is an import of it."""
    tree = ast.parse(source)
    inside = module if package else module.rpartition(".")[0]
    imports = sorted(set(_imports(tree, inside, in_functions=not package)))
    return ModuleFacts(hashlib.sha256(_dump(tree).encode()).hexdigest(), tuple(imports))


class _FactStore:
    """Facts by file, kept between runs; a file that cannot be written or read only costs time."""

    def __init__(self, path: Path | None) -> None:
        self._path, self._new = path, False
        self._held: dict[str, list[Any]] = {}
        self._version = [_FORMAT, *sys.version_info[:2]]
        if path is not None and path.is_file():
            self._held = self._read(path)

    def facts(self, source: Path, module: str) -> ModuleFacts:
        stat = source.stat()
        state = [module, stat.st_mtime_ns, stat.st_size]
        held = self._held.get(str(source))
        if held is not None and held[0] == state:
            return ModuleFacts(held[1], tuple(held[2]))
        facts = read_facts(source.read_text("utf-8"), module, package=source.name == "__init__.py")
        self._held[str(source)], self._new = [state, facts.sha256, facts.imports], True
        return facts

    def save(self) -> None:
        if self._path is None or not self._new:
            return
        self._new = False
        text = json.dumps({"version": self._version, "files": self._held})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, text.encode())
        except OSError:  # nothing is lost but the time of the next run; the cache itself tells of its folder
            return

    def _read(self, path: Path) -> dict[str, list[Any]]:
        try:
            held = json.loads(path.read_bytes())
            files = held["files"] if held["version"] == self._version else {}
            return {name: [state, str(sha), list(imports)] for name, (state, sha, imports) in files.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}


@dataclass
class _Used:
    """What some definitions of a module say, and what they import."""

    syntax: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)


class _Definitions:
    """A module's statements by the names that they bind, so that only those in use need be looked at."""

    def __init__(self, source: str, module: str) -> None:
        self._inside = module.rpartition(".")[0]
        self._by_name: dict[str, list[ast.stmt]] = {}
        self._imported: dict[str, set[str]] = {}
        self._always: list[ast.stmt] = []
        tree = ast.parse(source)
        for statement in _undocumented(tree, tree.body):
            self._add(statement)

    def _add(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for bound, name in _bindings(statement, self._inside):
                self._imported.setdefault(bound, set()).add(name)
            return
        names = set(_bound(statement))
        for name in names:
            self._by_name.setdefault(name, []).append(statement)
        if not names:
            self._always.append(statement)

    def reached(self, name: str) -> _Used:
        """What the definition of `name` says and imports, with all that it uses of its module; a name that
        is not defined on its own stands for the whole module."""
        used, seen = _Used(), set[str]()
        waiting = [name] if name in self._by_name else [*self._by_name, *self._imported]
        done: list[ast.stmt] = []
        self._take(self._always, used, waiting, done)
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            used.imports |= self._imported.get(one, set())
            self._take(self._by_name.get(one, []), used, waiting, done)
        used.syntax = [_dump(statement) for statement in sorted(done, key=lambda s: s.lineno)]
        return used

    def _take(
        self, statements: list[ast.stmt], used: _Used, waiting: list[str], done: list[ast.stmt]
    ) -> None:
        for statement in statements:
            if statement not in done:
                done.append(statement)
                waiting += _names(statement)
                used.imports.update(_imports(statement, self._inside, in_functions=True))


def _names(node: ast.AST) -> Iterator[str]:
    """The names that a node mentions outside annotations, which compute nothing."""
    if isinstance(node, ast.Name):
        yield node.id
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _names(child)


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement of a module binds."""
    if isinstance(node, ast.ClassDef | _FUNCTION):
        yield node.name
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (bound for bound, _ in _bindings(node, ""))
    for child in ast.iter_child_nodes(node):
        yield from _bound(child)


def _imports(node: ast.AST, inside: str, *, in_functions: bool) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (name for _, name in _bindings(node, inside))
    if (isinstance(node, _FUNCTION) and not in_functions) or _for_types_only(node):
        return
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, inside, in_functions=in_functions)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _bindings(node: ast.Import | ast.ImportFrom, inside: str) -> Iterator[tuple[str, str]]:
    """The names that an import binds, and the absolute names of what they stand for."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], alias.name
        return
    base = node.module or ""
    if node.level:
        package = inside.split(".")[: len(inside.split(".")) - node.level + 1]
        base = ".".join([*package, *([base] if base else [])])
    for alias in node.names:
        yield alias.asname or alias.name, base if alias.name == "*" else f"{base}.{alias.name}"


def _dump(node: object) -> str:
    if isinstance(node, list):
        return "[" + ",".join(_dump(one) for one in node) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={_dump(_undocumented(node, value) if name == 'body' else value)}"
        for name, value in ast.iter_fields(node)
        if value is not None and value != [] and name not in ("kind", "type_ignores")
    ]
    return f"{type(node).__name__}({','.join(fields)})"


def _undocumented(node: ast.AST, body: Any) -> Any:
    documented = isinstance(node, _DOCUMENTED) and isinstance(body, list) and body
    if documented and isinstance(body[0], ast.Expr):
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return body[1:]
    return body
