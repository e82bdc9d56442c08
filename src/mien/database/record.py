"""One subject of a face database on disk: who it is, its neutral, its expressions, its maps."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import zstandard
from jaxtyping import Float, Shaped, UInt16
from safetensors.numpy import load, save

from mien.synth.subject import GENERATED

_CODES = 65535  # the largest code of 16 bits
LEVEL = 3  # of zstandard: higher ones gain 2 % and take thrice as long


@dataclass(frozen=True)
class Record:
    """A subject. Offsets are metres: `neutral` from the database's mean head, `expressions` from the neutral.

    `attributes` are plain JSON values; `maps` are uint8 or uint16 pictures (H, W, C), row 0 at the top,
    colour in sRGB, by name ("albedo", "albedo/jawOpen"), or float16 lengths in mm. `ranges` say for each
    kind of map of 16-bit lengths ("displacement") which millimetres 0 and 65535 stand for.
    `provenance`, `licence` and `consent` say where the subject is from and what may be done with it.
    """

    key: str
    attributes: dict[str, Any]
    neutral: Float[np.ndarray, "V 3"]
    expressions: dict[str, Float[np.ndarray, "V 3"]] = field(default_factory=dict)
    maps: dict[str, Shaped[np.ndarray, "H W C"]] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    licence: str = "CC0-1.0"
    consent: str = GENERATED
    ranges: dict[str, list[float]] = field(default_factory=dict)

    def lengths(self, name: str) -> Float[np.ndarray, "H W"]:
        """A map of 16-bit lengths ("displacement", "displacement/smile") in millimetres."""
        low, high = self.ranges[name.partition("/")[0]]
        return (low + (high - low) / _CODES * self.maps[name][..., 0]).astype(np.float32)


def encode_lengths(lengths: Float[np.ndarray, "H W"], span: list[float]) -> UInt16[np.ndarray, "H W 1"]:
    """Millimetres as 16-bit codes. Raises `ValueError` for what lies outside the span."""
    low, high = span
    if not (lengths.min() >= low and lengths.max() <= high):
        raise ValueError(f"lengths {lengths.min():.2f} to {lengths.max():.2f} mm, expected {low} to {high}")
    return np.rint((lengths.astype(np.float64) - low) * (_CODES / (high - low))).astype(np.uint16)[..., None]


def to_members(record: Record) -> dict[str, bytes]:
    """The files of a record by their suffix: `json`, `offsets`, and one for each map.

    Offsets are half floats cut into planes of low and high bytes (the high ones hardly vary, so they pack
    well), as safetensors, packed with zstandard.
    """
    offsets = {"neutral": _planes(record.neutral)}
    offsets |= {f"expression/{name}": _planes(value) for name, value in record.expressions.items()}
    members = {
        "json": json.dumps(_head(record), sort_keys=True, ensure_ascii=False).encode(),
        "offsets": zstandard.ZstdCompressor(level=LEVEL).compress(save(offsets)),
    }
    for name, pixels in sorted(record.maps.items()):
        members[_map_suffix(name, pixels)] = _packed_map(pixels)
    return members


def from_members(key: str, members: dict[str, bytes]) -> Record:
    """The inverse of `to_members` (offsets as float32). Raises `ValueError` where something is damaged."""
    try:
        head = json.loads(members["json"])
        offsets = load(zstandard.ZstdDecompressor().decompress(members["offsets"]))
        maps = {
            _map_name(suffix): _unpacked_map(suffix, data)
            for suffix, data in members.items()
            if suffix.startswith("map.")
        }
        expressions = {
            name.removeprefix("expression/"): _from_planes(planes)
            for name, planes in offsets.items()
            if name != "neutral"
        }
        neutral = _from_planes(offsets["neutral"])
    except (KeyError, zstandard.ZstdError, json.JSONDecodeError, UnicodeDecodeError, RuntimeError) as error:
        raise ValueError(f"{key}: {error}") from error
    order = head.pop("expressions")
    return Record(key=key, neutral=neutral, expressions={n: expressions[n] for n in order}, maps=maps, **head)


def _head(record: Record) -> dict[str, Any]:
    return {
        "attributes": record.attributes,
        "expressions": list(record.expressions),
        "provenance": record.provenance,
        "licence": record.licence,
        "consent": record.consent,
        "ranges": record.ranges,
    }


def _planes(offsets: Float[np.ndarray, "V 3"]) -> Shaped[np.ndarray, "2 V 3"]:
    half = np.ascontiguousarray(offsets, "<f2")
    return np.ascontiguousarray(np.moveaxis(half.view(np.uint8).reshape(*half.shape, 2), -1, 0))


def _from_planes(planes: Shaped[np.ndarray, "2 V 3"]) -> Float[np.ndarray, "V 3"]:
    pairs = np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    return pairs.view("<f2")[..., 0].astype(np.float32)


def _map_suffix(name: str, pixels: np.ndarray) -> str:
    return f"map.{name.replace('/', '.')}.{'npz' if pixels.dtype == np.float16 else 'png'}"


def _map_name(suffix: str) -> str:
    return suffix.removeprefix("map.").rpartition(".")[0].replace(".", "/")


def _packed_map(pixels: np.ndarray) -> bytes:
    if pixels.dtype == np.float16:
        stream = io.BytesIO()
        np.savez_compressed(stream, pixels=pixels)
        return stream.getvalue()
    if pixels.dtype not in (np.uint8, np.uint16):
        raise TypeError(f"a map of {pixels.dtype}, expected uint8, uint16 or float16")
    colour = pixels[..., ::-1] if pixels.shape[-1] == 3 else pixels
    ok, data = cv2.imencode(".png", np.ascontiguousarray(colour), [cv2.IMWRITE_PNG_COMPRESSION, 4])
    assert ok
    return data.tobytes()


def _unpacked_map(suffix: str, data: bytes) -> np.ndarray:
    if suffix.endswith(".npz"):
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return arrays["pixels"]
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError(f"{suffix} is no picture")
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return np.ascontiguousarray(pixels[..., ::-1]) if pixels.shape[-1] == 3 else pixels
