"""MTL files: of each material the image of its colour, its options, and its flat colour."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mien.meshio.encodings import lines_of

_COLOUR_MAPS = ("map_kd", "map_ka", "map_ke")  # the nearest to an albedo first
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_LARGEST = 1e6  # of an option's numbers
_ONE_WORD = re.compile(r"-(blendu|blendv|boost|cc|clamp|texres|bm|imfchan|type)\s+(\S+)\s+", re.IGNORECASE)
_NUMBERS = re.compile(rf"-(mm|o|s|t)\s+((?:{_NUMBER}\s+){{1,3}})", re.IGNORECASE)


@dataclass(frozen=True)
class ImageLine:
    """What a line such as `map_Kd -s 2 2 1 head.jpg` says.

    `names` are the ways to read the file's name, the likeliest first. UVs (origin bottom-left) are to be
    multiplied by `scale`, moved by `offset`, and kept in 0..1 with `clamp`. `unread` are options that would
    change the colours.
    """

    key: str
    names: tuple[str, ...]
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    clamp: bool = False
    unread: str = ""


@dataclass(frozen=True)
class Material:
    """One `newmtl`: its colour's image and its flat colour (sRGB, 0..1) where it has them.

    `alpha` says whether the alpha of the image counts, which only a `map_d` line does.
    """

    name: str
    image: ImageLine | None = None
    flat: tuple[float, float, float] | None = None
    alpha: bool = False


def parse_mtl(data: bytes) -> dict[str, Material]:
    """The materials of an MTL file of any encoding, by name; of two of one name the last."""
    materials: dict[str, dict[str, str]] = {}
    here: dict[str, str] = {}
    for line in lines_of(data):
        key, _, argument = line.replace("\t", " ", 1).partition(" ")
        if key.lower() == "newmtl" and argument:
            here = materials.setdefault(argument.strip(), {})
        elif argument:
            here[key.lower()] = argument.strip()
    return {name: _material(name, lines) for name, lines in materials.items()}


def _material(name: str, lines: dict[str, str]) -> Material:
    key = next((key for key in _COLOUR_MAPS if key in lines), None)
    image = None if key is None else image_line(key, lines[key])
    return Material(name, image, _flat(lines.get("kd", "")), "map_d" in lines)


def image_line(key: str, argument: str) -> ImageLine:
    """The options and the name that follow a key such as `map_Kd`."""
    options: dict[str, str] = {}
    while match := _ONE_WORD.match(argument) or _NUMBERS.match(argument):
        options[match[1].lower()] = match[2].strip()
        argument = argument[match.end() :]
    scale = _pair(options.get("s", ""), 1.0)
    return ImageLine(
        key,
        _spellings(argument.strip()),
        (scale[0] or 1.0, scale[1] or 1.0),
        _pair(options.get("o", ""), 0.0),
        options.get("clamp", "").lower() == "on",
        _colour_options(options),
    )


def _pair(text: str, missing: float) -> tuple[float, float]:
    """The first two numbers; `missing` for one that is not there or out of all bounds."""
    numbers = [n if abs(n) < _LARGEST else missing for n in map(float, text.split())]
    first, second = [*numbers, missing, missing][:2]
    return first, second


def _colour_options(options: dict[str, str]) -> str:
    """The options that would change colours, as the file has them, unless at their defaults."""
    base_gain = _pair(options.get("mm", "0 1"), 1.0)
    told = [f"-mm {options['mm']}"] if base_gain != (0.0, 1.0) else []
    channel = options.get("imfchan", "").lower()
    return " ".join(told + ([f"-imfchan {channel}"] if channel in {"r", "g", "b", "l", "z"} else []))


def _spellings(name: str) -> tuple[str, ...]:
    """The name as it stands, without quotes, without a comment."""
    bare = re.sub(r"\s+#.*$", "", name)
    return tuple(dict.fromkeys((name, name.strip("\"'"), bare, bare.strip("\"'"))))


def _flat(text: str) -> tuple[float, float, float] | None:
    """`Kd` in 0..1; one number is grey. None for spectral files and the like."""
    numbers = re.findall(rf"(?<!\S){_NUMBER}(?!\S)", text)
    if not numbers or len(numbers) < min(3, len(text.split())):
        return None
    red, green, blue = (float(n) for n in (numbers * 3)[:3])
    top = 255.0 if max(red, green, blue) > 1.0 else 1.0
    return red / top, green / top, blue / top
