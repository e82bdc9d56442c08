"""Version 1 of the face database, frozen: its split, its fingerprint, and samples by which drift is noticed.

Training regenerates the database from the basis asset and this code, so both are its content.

    python -m mien.database.release           # is it still what was frozen? exit 1 where not
    python -m mien.database.release --write   # freeze what the code draws now

A change of what is drawn needs a new `DATABASE_VERSION`; code that draws the same in another way `--write`.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from mien.core.errors import MienError
from mien.synth.identity.basis import BASIS_PATH
from mien.template.load import ASSETS

DATABASE_VERSION = 1
SEED = 1
SPLIT = {"train": (0, 20_000), "validation": (20_000, 20_500), "test": (20_500, 21_500)}

_HERE = Path(__file__).parent
_NOT_DRAWING = {
    "database.py",
    "folder.py",
    "record.py",
    "shards.py",
    "freeze.py",
    "linear_model.py",
    "people.py",
}
_SAMPLED = (0, 20_000, 20_500)
_EXPRESSIONS = ("smile", "surprise", "pucker")
_VERTICES, _TEXELS = 61, 67  # one in about so many hundreds; primes, so that they fall everywhere
_DRIFT_UM, _DRIFT_CODES = 2, 1  # what another processor's rounding may change


def split_indices(name: str) -> range:
    """The subjects of "train", "validation" or "test", to be drawn with `SEED`."""
    return range(*SPLIT[name])


def manifest_path(version: int = DATABASE_VERSION) -> Path:
    """Where the frozen version's manifest lies."""
    return ASSETS / f"database_v{version}.json"


def fingerprint() -> dict[str, object]:
    """Everything that the content is a function of: assets, code, seed, split; and one hash over these."""
    parts: dict[str, object] = {
        "version": DATABASE_VERSION,
        "basis_sha256": hashlib.sha256(BASIS_PATH.read_bytes()).hexdigest(),
        "code_sha256": code_hash(),
        "seed": SEED,
        "split": {name: list(ends) for name, ends in SPLIT.items()},
    }
    whole = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return {**parts, "sha256": whole}


def code_hash() -> str:
    """Hash of the generator's modules without comments, docstrings and layout."""
    digest = hashlib.sha256()
    for path in sorted([*_HERE.glob("*.py"), *(_HERE / "skin").glob("*.py")]):
        if path.name not in _NOT_DRAWING:
            digest.update(path.relative_to(_HERE).as_posix().encode())
            digest.update(syntax(path.read_text()).encode())
    return digest.hexdigest()


def syntax(source: str) -> str:
    """What a module says, the same for any layout, wording of documentation and version of Python."""
    return _dump(ast.parse(source))


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


def _undocumented(node: ast.AST, body: object) -> object:
    documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    if documented and isinstance(body, list) and body and isinstance(body[0], ast.Expr):
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return body[1:]
    return body


def draw_samples() -> dict[str, dict[str, list[int]]]:
    """A few subjects at a few places: neutral and expressions in micrometres, albedo in sRGB codes."""
    from mien.core.conventions import EXPRESSIONS, shape_weights
    from mien.synth.person import SyntheticPerson
    from mien.synth.skin.fast import albedo_256

    out: dict[str, dict[str, list[int]]] = {}
    for index in _SAMPLED:
        person = SyntheticPerson.draw(index, SEED)
        own = {"neutral": _micrometres(person.head.skin)}
        for name in _EXPRESSIONS:
            own[name] = _micrometres(person.maker.expression(person.bound, shape_weights(EXPRESSIONS[name])))
        albedo = albedo_256(person.look).reshape(-1, 3)
        own["albedo"] = albedo[:: 10 * _TEXELS].ravel().astype(int).tolist()
        out[str(index)] = own
    return out


def _micrometres(places: np.ndarray) -> list[int]:
    return np.rint(1e6 * places[:: 10 * _VERTICES].astype(np.float64)).astype(int).ravel().tolist()


def drift(frozen: dict[str, dict[str, list[int]]], now: dict[str, dict[str, list[int]]]) -> list[str]:
    """What is drawn otherwise than it was frozen, a line each; empty where nothing is."""
    out = []
    for index, own in frozen.items():
        for name, values in own.items():
            limit = _DRIFT_CODES if name == "albedo" else _DRIFT_UM
            unit = "codes" if name == "albedo" else "micrometres"
            found = now.get(index, {}).get(name, [])
            if len(found) != len(values):
                out.append(f"subject {index}, {name}: {len(found)} numbers, frozen with {len(values)}")
            elif (worst := int(np.abs(np.subtract(found, values)).max())) > limit:
                out.append(f"subject {index}, {name}: off by {worst} {unit}, expected at most {limit}")
    return out


def check() -> list[str]:
    """Why this is not the frozen database, in lines that say what to do; empty where it is."""
    path = manifest_path()
    if not path.is_file():
        raise MienError(f"{path}: missing; freeze the database with python -m mien.database.release --write")
    manifest = json.loads(path.read_text())
    changed = drift(manifest["samples"], draw_samples())
    if changed:
        return [*changed, f"version {DATABASE_VERSION} is frozen: raise DATABASE_VERSION, then --write"]
    now = fingerprint()
    different = [name for name, value in manifest["fingerprint"].items() if now[name] != value]
    if different:
        names = ", ".join(different)
        return [f"{names} changed, but not what is drawn: run python -m mien.database.release --write"]
    return []


def write(path: Path | None = None) -> Path:
    """Freezes what the code draws now; the same code writes the same bytes."""
    path = path or manifest_path()
    manifest = {"fingerprint": fingerprint(), "samples": draw_samples()}
    path.write_text(json.dumps(manifest, sort_keys=True, separators=(",", ":")) + "\n")
    return path


def main() -> None:
    """Checks, or writes with --write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        sys.stdout.write(f"{write()}\n")
        return
    try:
        found = check()
    except MienError as error:
        found = [str(error)]
    sys.stdout.write("\n".join(found or ["as frozen"]) + "\n")
    sys.exit(int(bool(found)))


if __name__ == "__main__":
    main()
