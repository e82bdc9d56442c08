"""Landmarks that a user gives: 68 or 51 points in the scan file's coordinates."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from mien.core.errors import MienError
from mien.core.mesh import Scan
from mien.meshio.encodings import lines_of, unmarked

_LARGEST = 4_000_000  # bytes: hundreds of times what 68 points take
_DECIMAL_COMMA = re.compile(r"[-+]?\d+(,\d+)?([eE][-+]?\d+)?")
# what Python, its JSON and numpy's headers raise on values of the wrong kind, size or depth
_UNREADABLE = (
    ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, OSError, EOFError,
    SyntaxError, TokenError,
)  # fmt: skip


@dataclass(frozen=True)
class GivenLandmarks:
    """What a landmark file says: points, confidence (0: not seen), which of them somebody moved by hand, and
    where detection had them (NaN where it saw none; None where the file does not tell).
    """

    points: Float[np.ndarray, "L 3"]
    confidence: Float[np.ndarray, " L"]
    placed: Bool[np.ndarray, " L"]
    found: Float[np.ndarray, "L 3"] | None = None


def read_landmarks(
    path: Path, scan: Scan | None = None
) -> tuple[Float[np.ndarray, "68 3"], Float[np.ndarray, "68"]]:
    """The points of `read_given` and their confidence."""
    given = read_given(path, scan)
    return given.points, given.confidence


def read_given(path: Path, scan: Scan | None = None) -> GivenLandmarks:
    """68 points in Multi-PIE's order; their confidence is 1, or 0 for a jaw that the file does not have.

    An asset's own scan/landmarks.json, edited or not: points that were moved have confidence 1, the others
    keep theirs, null is not seen. Else JSON (a list of 68 or 51 points, or {"landmarks": [...]}), menpo's
    .ljson (mapped by its labels; left and right are told apart by geometry), .npy, and .txt or .csv (a point
    a line, perhaps under a line of names, after its number, with decimal commas). Text may be UTF-8 or
    UTF-16, marked or not. Anything else, a wrong number of points, NaN, or points outside three times the
    scan's box are refused with `MienError`.
    """
    path = Path(path)
    if not path.is_file():
        raise MienError(f"{path}: no such file; check the path given to --landmarks")
    if path.stat().st_size > _LARGEST:
        raise MienError(
            f"{path}: has {path.stat().st_size} bytes, expected 68 or 51 points x y z; check the file"
        )
    given = _read_points(path)
    points, confidence = given.points, given.confidence
    if points.shape not in ((68, 3), (51, 3)):
        listed = points.ndim == 2 and points.shape[1] == 3
        got = f"{len(points)} points" if listed else f"an array of shape {points.shape}"
        raise MienError(
            f"{path}: holds {got}, expected 68 or 51 points x y z in Multi-PIE's order; check the file"
        )
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1) & (confidence > 0))
    if len(bad):
        raise MienError(
            f"{path}: {len(bad)} points are NaN or infinite (the first is point {bad[0]}, counted from 0), "
            "expected finite numbers; fix the file"
        )
    if not (confidence > 0).any():
        raise MienError(f"{path}: none of its points has a confidence, expected the face's; fix the file")
    points = np.where(confidence[:, None] > 0, points, points[confidence > 0].mean(axis=0))
    if scan is not None:
        _check_near(path, points, scan)
    return _with_jaw(replace(given, points=points))


def _with_jaw(given: GivenLandmarks) -> GivenLandmarks:
    """68 points from 51: the jaw is not seen."""
    if len(given.points) == 68:
        return given
    middle = np.repeat(given.points.mean(axis=0, keepdims=True), 17, axis=0)
    return GivenLandmarks(
        np.concatenate([middle, given.points]),
        np.concatenate([np.zeros(17), given.confidence]),
        np.concatenate([np.zeros(17, bool), given.placed]),
        None if given.found is None else np.concatenate([np.full((17, 3), np.nan), given.found]),
    )


def _read_points(path: Path) -> GivenLandmarks:
    """Whatever numbers the file holds, of any shape, and a confidence for each row."""
    readers = {
        ".json": _read_json, ".ljson": _read_json, ".npy": _read_npy, ".txt": _read_text, ".csv": _read_text,
    }  # fmt: skip
    if path.suffix.lower() not in readers:
        raise MienError(f"{path}: {path.suffix or 'no'} file ending, expected one of {', '.join(readers)}")
    try:
        content = readers[path.suffix.lower()](path)
        if isinstance(content, GivenLandmarks):
            return content
        points = np.asarray(content, np.float64)
        count = len(points) if points.ndim else 0
        return GivenLandmarks(points, np.ones(count), np.zeros(count, bool))
    except _UNREADABLE as error:
        first = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise MienError(
            f"{path}: cannot be read as landmarks ({first}); expected 68 or 51 points x y z"
        ) from error


def _check_near(path: Path, points: np.ndarray, scan: Scan) -> None:
    low, high = scan.vertices.min(axis=0), scan.vertices.max(axis=0)
    margin = np.linalg.norm(high - low)
    if (points < low - margin).any() or (points > high + margin).any():
        raise MienError(
            f"{path}: the landmarks lie far outside the scan, expected on it; "
            "give them in the scan file's own coordinates and unit"
        )


def _read_npy(path: Path) -> np.ndarray:
    with path.open("rb") as stream:
        if stream.read(6) != b"\x93NUMPY":
            raise ValueError("not an array as numpy.save writes it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it was written by an old Python
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"an array of {array.dtype}")
    return array


def _read_text(path: Path) -> np.ndarray:
    rows = [_cells(line.split("#", 1)[0].strip(" ,;\t")) for line in lines_of(path.read_bytes())]
    return _numbers(_xyz_columns([row for row in rows if row != [""]]))


def _cells(line: str) -> list[str]:
    """The line's words; commas part them unless each of at least three is a number with a decimal comma."""
    words = re.split(r"[\s;]+", line)
    if len(words) >= 3 and "," in line and all(_DECIMAL_COMMA.fullmatch(word) for word in words):
        return [word.replace(",", ".") for word in words]
    return re.split(r"[\s,;]+", line)


def _xyz_columns(rows: list[list[str]]) -> list[list[str]]:
    """Of tables with a line of names the columns x, y, z; of rows that begin with their number the rest."""
    names = [name.strip("\"'").lower() for name in rows[0]] if rows else []
    if {"x", "y", "z"} <= set(names):
        picked = [names.index(axis) for axis in "xyz"]
        return [[row[i] for i in picked] if len(row) == len(names) else row for row in rows[1:]]
    numbers = [row[0] for row in rows if len(row) == 4]
    counted = [[str(i + first) for i in range(len(rows))] for first in (0, 1)]
    return [row[1:] for row in rows] if numbers in counted else rows


def _read_json(path: Path) -> np.ndarray | GivenLandmarks:
    content: Any = json.loads(unmarked(path.read_bytes()).decode("utf-8", "surrogateescape"))
    if isinstance(content, dict) and "scan" in content:
        return _own_file(content)
    if isinstance(content, dict) and "groups" in content:  # menpo's format, version 2
        groups = content["groups"]
        if len(groups) != 1:
            names = ", ".join(sorted(groups))
            raise MienError(f"{path}: holds {len(groups)} landmark groups ({names}), expected one; keep one")
        content = next(iter(groups.values()))
    if isinstance(content, dict) and "labels" in content:
        return _from_labels(path, content)
    if isinstance(content, dict):
        if "landmarks" not in content:
            raise ValueError(f"no entry 'landmarks' among {sorted(content)[:5]}")
        content = content["landmarks"]
    return _numbers(content)


def _own_file(content: dict[str, Any]) -> GivenLandmarks:
    """scan/landmarks.json as Mien writes it: a point not where it was found was placed by hand."""
    points = _with_nulls(content["scan"])
    confidence = np.array(content.get("confidence", np.ones(len(points))), np.float64)
    if confidence.shape != (len(points),) or not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError(f"'confidence' is not {len(points)} numbers from 0 to 1")
    placed, found = np.zeros(len(points), bool), None
    if "found" in content:
        found = _with_nulls(content["found"])
        if found.shape != points.shape:
            raise ValueError(f"'found' holds {len(found)} points and 'scan' {len(points)}")
        placed = (points != found).any(axis=1) & ~np.isnan(points).any(axis=1)
        confidence = np.where(placed, 1.0, confidence)
    return GivenLandmarks(points, np.where(np.isnan(points).all(axis=1), 0.0, confidence), placed, found)


def _with_nulls(points: list[list[float] | None]) -> np.ndarray:
    return _numbers([[np.nan] * 3 if point is None else point for point in points])


def _numbers(points: list[Any]) -> np.ndarray:
    """Rows of three numbers; the first that is something else is named."""
    if not isinstance(points, list):
        raise ValueError(f"a list of points was expected, not {str(points)[:30]!r}")
    rows = []
    for number, point in enumerate(points):
        try:
            row = [float(value) for value in _values(point)]
        except (ValueError, TypeError, OverflowError, KeyError):
            row = []
        if len(row) != 3:
            given = " ".join(map(str, point)) if isinstance(point, list) else str(point)
            raise ValueError(f"point {number}, counted from 0, is {given[:30]!r} and not three numbers")
        rows.append(row)
    return np.array(rows, np.float64).reshape(-1, 3)


def _values(point: Any) -> Any:
    """The numbers of a point, which may be given by name."""
    if not isinstance(point, dict):
        return point
    named = {str(name).lower(): value for name, value in point.items()}
    return [named[axis] for axis in "xyz"]


def _from_labels(path: Path, content: dict[str, Any]) -> np.ndarray:
    """menpo names its groups by side, but whose side differs between files: the jaw, which runs from the
    subject's right to left, or the nostrils' row, tells."""
    given = content["landmarks"]["points"]
    points = np.array([[np.nan if c is None else c for c in point] for point in given], float)
    masks = {label["label"]: list(label["mask"]) for label in content["labels"]}
    masks["chin"] = masks.get("chin", masks.get("jaw", []))
    needed = {"nose": 9, "mouth": 20, "leye": 6, "reye": 6, "leyebrow": 5, "reyebrow": 5}
    wrong = [f"{n} {len(masks.get(n, []))}" for n, count in needed.items() if len(masks.get(n, [])) != count]
    if wrong or len(masks["chin"]) not in (0, 17):
        raise MienError(
            f"{path}: its labels have other lengths than Multi-PIE's ({', '.join(wrong) or 'chin'}); "
            "expected chin 17 or none, leyebrow and reyebrow 5, nose 9, leye and reye 6, mouth 20"
        )
    group = {name: points[mask] for name, mask in masks.items() if mask}
    left = _subjects_left(group)
    order = [_along(group[n], left) for n in _right_first(group, "leyebrow", "reyebrow", left)]
    order.append(group["nose"])
    order += [_eye(group[n], left) for n in _right_first(group, "leye", "reye", left)]
    order.append(group["mouth"])
    jaw = [_along(group["chin"], left)] if "chin" in group else []
    return np.concatenate([*jaw, *order])


def _subjects_left(group: dict[str, np.ndarray]) -> np.ndarray:
    """The subject's left, a direction free of the file's words: square to up (mouth to eyes) and to forward
    (the nose's tip before its root and base)."""
    nose, mouth = group["nose"], group["mouth"]
    eyes = (group["leye"].mean(axis=0) + group["reye"].mean(axis=0)) / 2
    up = eyes - mouth.mean(axis=0)
    across = group["leye"].mean(axis=0) - group["reye"].mean(axis=0)
    with np.errstate(all="ignore"):  # infinite coordinates are refused once they are in order
        forward = np.cross(up, across)
        out = nose[3] - (eyes + mouth.mean(axis=0)) / 2
        forward *= np.sign(forward @ out)
        return np.cross(up, forward)


def _right_first(group: dict[str, np.ndarray], a: str, b: str, left: np.ndarray) -> tuple[str, str]:
    return (a, b) if group[a].mean(axis=0) @ left < group[b].mean(axis=0) @ left else (b, a)


def _along(points: np.ndarray, left: np.ndarray) -> np.ndarray:
    """A curve from the subject's right to left."""
    return points if points[0] @ left < points[-1] @ left else points[::-1]


def _eye(points: np.ndarray, left: np.ndarray) -> np.ndarray:
    """The loop of an eye from the corner on the subject's right over the upper lid; menpo's own order
    already runs so, or from the other corner."""
    return points if points[0] @ left < points[3] @ left else points[[3, 2, 1, 0, 5, 4]]
