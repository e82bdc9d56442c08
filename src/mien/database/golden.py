"""Golden samples: a few numbers of everything that the database draws, by which a change of it is noticed.

Of each drawn array there are single rows, exact to what another processor's rounding may change, and the mean
and spread of runs of rows, in which every vertex and texel counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, UInt8

from mien.core.conventions import EXPRESSIONS, shape_weights
from mien.geoimage.codec import face_codec
from mien.synth.person import SyntheticPerson
from mien.synth.subject import draw_subject
from mien.template.load import load_template

Arrays = dict[str, np.ndarray]
Numbers = dict[str, list[int]]  # "rows", "means", "spreads"
Samples = dict[str, dict[str, Numbers]]  # by subject, then by "modality/array"

IMAGE_RESOLUTION, MAP_RESOLUTION, FEATURE_RESOLUTION = 64, 512, 64  # texels a side: soon drawn
WORN = "smileOpen"  # moves lids, lips, jaw, teeth and tongue, and folds the skin


class SampledPerson(SyntheticPerson):
    """A person with what the database draws beyond it, each made when it is first asked for."""

    @cached_property
    def albedo(self) -> UInt8[np.ndarray, "256 256 3"]:
        """The face tile's albedo as training draws it, sRGB."""
        from mien.synth.skin.fast import albedo_256

        return albedo_256(self.look)

    @cached_property
    def worn(self) -> Float[np.ndarray, "V 3"]:
        """Offsets of the whole head in the expression `WORN`, metres."""
        return self.offsets(shape_weights(EXPRESSIONS[WORN]))

    @cached_property
    def worn_maps(self) -> Arrays:
        """The face tile's albedo (sRGB) in the expression `WORN`, and what that adds to displacement (mm)."""
        from mien.synth.skin.expressed import dynamic_skin, strain_in

        skin = dynamic_skin(self.look, self.albedo, displacement=True)
        strain = strain_in(self.whole.neutral, self.worn)
        assert skin.displacement is not None
        folds = skin.displacement_in(strain) - skin.displacement
        return {"albedo": skin.albedo_in(strain), "folds": folds[..., None]}


@dataclass(frozen=True)
class Unit:
    """What values are counted in: `steps` units a value, and how far single rows may be off (units). Means
    and spreads are counted in `fine` parts of a unit, and may be off by `run` of these."""

    name: str
    steps: float
    single: int
    fine: int
    run: int


METRES = Unit("micrometres", 1e6, single=2, fine=100, run=10)
MILLIMETRES = Unit("micrometres", 1e3, single=1, fine=1000, run=2)
LIGHT = Unit("codes of 255", 255.0, single=1, fine=1000, run=10)
BYTES = Unit("codes of 255", 1.0, single=1, fine=1000, run=10)
PLAIN = Unit("millionths", 1e6, single=1, fine=1, run=1)


@dataclass(frozen=True)
class Modality:
    """Something that the database draws: named arrays (..., C) of a person; of whom it is sampled, in how
    many single rows and in how many runs."""

    draw: Callable[[SampledPerson], Arrays]
    unit: Unit
    rows: int
    runs: int
    people: tuple[int, ...]


def _expressions(person: SampledPerson) -> Arrays:
    codes = {name: shape_weights(code) for name, code in EXPRESSIONS.items()}
    return {name: person.maker.expression(person.bound, code) for name, code in codes.items() if code.any()}


def _parts(person: SampledPerson) -> Arrays:
    """Teeth, gums, tongue, corneas, lashes and lid strips: all beyond the skin, which has modalities of its
    own."""
    beyond = slice(person.maker.count, None)
    return {"rest": person.whole.neutral[beyond], WORN: person.worn[beyond]}


def _geometry_image(person: SampledPerson) -> Arrays:
    offset = np.zeros(person.maker.template.vertices.shape)
    offset[: person.maker.count] = person.head.skin - person.maker.heads.basis.mean
    return {"neutral": face_codec(load_template(), IMAGE_RESOLUTION).encode(offset)}


def _maps_of_light(person: SampledPerson) -> Arrays:
    skin = {name: image for name, image in person.maps.items() if name.startswith(("face_", "head_"))}
    return {name: image.pixels for name, image in skin.items() if image.unit != "mm"}


def _maps_of_relief(person: SampledPerson) -> Arrays:
    return {name: image.pixels for name, image in person.maps.items() if image.unit == "mm"}


def _features(person: SampledPerson) -> Arrays:
    from mien.synth.skin.features import feature_maps

    maps = feature_maps(person.subject, person.look, FEATURE_RESOLUTION)
    return {name: image.pixels for name, image in maps.items()}


# Of the first subject of each part of the split: an old woman and a young one, both dark, and a pale man.
_OLD, _MAN, _YOUNG = 0, 20_000, 20_500
_ALL = (_OLD, _MAN, _YOUNG)
MODALITIES = {
    "attributes": Modality(
        lambda person: {"all": np.array([*person.subject.attributes().values()], np.float64)[:, None]},
        PLAIN, rows=10, runs=0, people=_ALL,
    ),
    "neutral": Modality(lambda person: {"skin": person.head.skin}, METRES, rows=30, runs=24, people=_ALL),
    "expressions": Modality(_expressions, METRES, rows=4, runs=6, people=_ALL),
    "parts": Modality(_parts, METRES, rows=20, runs=16, people=_ALL),
    "geometry image": Modality(_geometry_image, METRES, rows=20, runs=16, people=(_OLD,)),
    "albedo": Modality(lambda person: {"face": person.albedo}, BYTES, rows=40, runs=24, people=_ALL),
    "maps": Modality(_maps_of_light, LIGHT, rows=40, runs=24, people=(_MAN,)),
    "relief": Modality(_maps_of_relief, MILLIMETRES, rows=60, runs=48, people=(_MAN,)),
    "dynamic albedo": Modality(
        lambda person: {WORN: person.worn_maps["albedo"]}, BYTES, rows=40, runs=24, people=(_OLD,)
    ),
    "dynamic relief": Modality(
        lambda person: {WORN: person.worn_maps["folds"]}, MILLIMETRES, rows=80, runs=64, people=(_OLD,)
    ),
    "eyes and mouth": Modality(_features, LIGHT, rows=8, runs=8, people=(_OLD,)),
}  # fmt: skip


def draw_samples(seed: int, only: Collection[str] = tuple(MODALITIES)) -> Samples:
    """The golden samples of the database `seed`, of all modalities or of some."""
    people = {index: SampledPerson(draw_subject(seed, index), MAP_RESOLUTION) for index in _ALL}
    out: Samples = {str(index): {} for index in people}
    for name in only:
        modality = MODALITIES[name]
        for index in modality.people:
            for part, array in modality.draw(people[index]).items():
                out[str(index)][f"{name}/{part}"] = sampled(array, modality)
    return out


def sampled(array: np.ndarray, modality: Modality) -> Numbers:
    """Single rows of an array (..., C) in units; means and spreads of its runs of rows in parts of units."""
    values = modality.unit.steps * array.reshape(-1, array.shape[-1]).astype(np.float64)
    chosen = np.arange(modality.rows) * len(values) // modality.rows
    out = {"rows": _integers(values[chosen])}
    if modality.runs:
        runs = np.array_split(modality.unit.fine * values, modality.runs)
        out["means"] = _integers(np.array([run.mean(axis=0) for run in runs]))
        out["spreads"] = _integers(np.array([run.std(axis=0) for run in runs]))
    return out


def drift(frozen: Samples, now: Samples) -> list[str]:
    """What is drawn otherwise than it was frozen, a line each; empty where nothing is."""
    out = []
    for index, arrays in frozen.items():
        drawn = now.get(index, {})
        for name in sorted({*arrays, *drawn}):
            line = _difference(name, arrays.get(name), drawn.get(name))
            if line:
                out.append(f"subject {index}, {name}: {line}")
    return out


def _difference(name: str, frozen: Numbers | None, now: Numbers | None) -> str:
    if frozen is None or now is None:
        return "is drawn, but was not frozen" if frozen is None else "was frozen, but is not drawn"
    modality = MODALITIES.get(name.partition("/")[0])
    if modality is None:
        return "is of no modality that is known"
    unit = modality.unit
    for kind, allowed, parts in (
        ("rows", unit.single, 1), ("means", unit.run, unit.fine), ("spreads", unit.run, unit.fine)
    ):  # fmt: skip
        before, after = frozen.get(kind, []), now.get(kind, [])
        if len(before) != len(after):
            return f"{len(after)} {kind}, frozen with {len(before)}"
        worst = max((abs(a - b) for a, b in zip(before, after, strict=True)), default=0)
        if worst > allowed:
            return f"{kind} are off by {worst / parts:g} {unit.name}, expected at most {allowed / parts:g}"
    return ""


def _integers(values: np.ndarray) -> list[int]:
    return np.rint(values).astype(int).ravel().tolist()
