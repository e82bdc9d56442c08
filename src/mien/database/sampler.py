"""The face database in memory: samples made when training asks for them, the same as on disk.

Needs numpy, scipy and safetensors only (dynamic maps numba and OpenCV too). A sample is one subject's one
expression.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from mien.core.errors import MienError
from mien.geoimage.codec import GeometryImageCodec, face_codec
from mien.synth.expression.codes import ExpressionPlan
from mien.synth.expression.maker import BoundHead, ExpressionMaker, expression_maker
from mien.synth.identity.basis import SynthBasis, load_basis
from mien.synth.person import SyntheticPerson
from mien.synth.subject import Subject, draw_subject
from mien.template.load import load_template

if TYPE_CHECKING:
    from mien.synth.skin.expressed import DynamicSkin

MAPS = ("albedo", "dynamic", "all")  # the neutral's albedo; or each expression's own; and displacement too
KEPT_SUBJECTS = 192  # of which neutral, albedo and form are kept (about 2.5 MB each)


@cache
def shared_codec(resolution: int) -> GeometryImageCodec:
    """The face tile's codec, whose operator takes seconds to make: one for all samplers."""
    return face_codec(load_template(), resolution)


@dataclass(frozen=True)
class KeptSubject:
    """What all samples of a subject share."""

    subject: Subject
    bound: BoundHead
    neutral: Float[np.ndarray, "R R 3"]
    albedo: UInt8[np.ndarray, "256 256 3"] | None
    skin: DynamicSkin | None


class Sampler:
    """Samples of the database `seed`: index i is subject i // E and the i % E-th of its E expressions.

    `maps` are those of `MAPS`; without `albedo` there are none.
    """

    def __init__(
        self,
        seed: int,
        resolution: int = 256,
        expressions: str = "26",
        *,
        basis: SynthBasis | None = None,
        albedo: bool = True,
        maps: str = "albedo",
        keep: int = KEPT_SUBJECTS,
    ) -> None:
        self.seed, self.resolution, self.keep, self.with_albedo = seed, resolution, keep, albedo
        if maps not in MAPS:
            raise MienError(f"maps {maps!r}: expected one of {', '.join(MAPS)}")
        self.maps = maps
        self.plan = ExpressionPlan(expressions)
        self.names = self.plan.names
        self.maker: ExpressionMaker = expression_maker(basis or load_basis())
        self.codec = shared_codec(resolution)
        self._mean = self.maker.heads.basis.mean
        self._kept: OrderedDict[int, KeptSubject] = OrderedDict()

    def subject(self, number: int) -> KeptSubject:
        """A subject's neutral image, albedo and bound head; the latest `keep` are kept."""
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        person = SyntheticPerson(draw_subject(self.seed, number), maker=self.maker)
        neutral = self._image(person.head.skin - self._mean)
        kept = KeptSubject(person.subject, person.bound, neutral, *self._skin(person))
        self._kept[number] = kept
        while len(self._kept) > self.keep:
            self._kept.popitem(last=False)
        return kept

    def batch(self, indices: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """The samples of these indices, each the same bits in every batch.

        geometry (B, R, R, 3) float32 metres from the mean head; offset, the expression's part of it;
        albedo (B, 256, 256, 3) uint8 sRGB; code (B, 52); age, sex, tone, ita, weight, muscle (B,), ancestry
        (B, 3); the numbers of subject and expression. With `maps` "dynamic" the albedo is the expression's;
        with "all" there is its displacement too, (B, 256, 256) float32 mm.
        """
        rows = [self._sample(int(index)) for index in indices]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _sample(self, index: int) -> dict[str, np.ndarray]:
        number, place = divmod(index, len(self.names))
        kept = self.subject(number)
        code = self.plan.weights(self.seed, number, place)
        moved = self.maker.expression(kept.bound, code)
        offset = self._image(moved)
        person = kept.subject
        out = {
            "geometry": kept.neutral + offset,
            "offset": offset,
            "code": code.astype(np.float32),
            "subject": np.int64(number),
            "expression": np.int64(place),
            "ancestry": np.array(person.ancestry, np.float32),
        }
        for name in ("age", "sex", "tone", "ita", "weight", "muscle"):
            out[name] = np.float32(getattr(person, name))
        if kept.albedo is not None:
            out["albedo"] = kept.albedo
        if kept.skin is not None:
            out |= _expressed(kept.skin, kept.bound.head.skin, moved)
        return out

    def _image(self, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "R R 3"]:
        if not offsets.any():
            return np.zeros((self.resolution, self.resolution, 3), np.float32)
        whole = np.zeros((self.codec.n_vertices, 3), np.float32)
        whole[: len(offsets)] = offsets
        return self.codec.encode_fast(whole)

    def _skin(self, person: SyntheticPerson) -> tuple[np.ndarray | None, DynamicSkin | None]:
        if not self.with_albedo:
            return None, None
        from mien.synth.skin.fast import albedo_256

        albedo = albedo_256(person.look)
        if self.maps == "albedo":
            return albedo, None
        from mien.synth.skin.expressed import dynamic_skin

        return albedo, dynamic_skin(person.look, albedo, displacement=self.maps == "all")


def _expressed(skin: DynamicSkin, neutral: np.ndarray, offset: np.ndarray) -> dict[str, np.ndarray]:
    from mien.synth.skin.expressed import strain_in

    strain = strain_in(neutral, offset)
    out: dict[str, np.ndarray] = {"albedo": skin.albedo_in(strain)}
    if skin.displacement is not None:
        out["displacement"] = skin.displacement_in(strain)
    return out
