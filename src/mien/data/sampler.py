"""The face database in memory: samples made when training asks for them, the same as on disk.

Needs numpy, scipy and safetensors only. A sample is one subject's one expression.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, UInt8

from mien.data.basis import Basis, load_basis
from mien.data.expression import BoundHead, ExpressionMaker, expression_maker
from mien.data.expression_codes import ExpressionPlan
from mien.data.subject import Subject, draw_subject
from mien.geoimage.codec import GeometryImageCodec, face_codec
from mien.template.load import load_template

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


class Sampler:
    """Samples of the database `seed`: index i is subject i // E and the i % E-th of its E expressions."""

    def __init__(
        self,
        seed: int,
        resolution: int = 256,
        expressions: str = "26",
        *,
        basis: Basis | None = None,
        albedo: bool = True,
        keep: int = KEPT_SUBJECTS,
    ) -> None:
        self.seed, self.resolution, self.keep, self.with_albedo = seed, resolution, keep, albedo
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
        person = draw_subject(self.seed, number)
        head = self.maker.heads.head(person)
        bound = self.maker.bind(head, self.maker.draw_form(person, head))
        kept = KeptSubject(person, bound, self._image(head.skin - self._mean), self._albedo(person))
        self._kept[number] = kept
        while len(self._kept) > self.keep:
            self._kept.popitem(last=False)
        return kept

    def batch(self, indices: Sequence[int] | np.ndarray) -> dict[str, np.ndarray]:
        """The samples of these indices, each the same bits in every batch.

        geometry (B, R, R, 3) float32 metres from the mean head; offset, the expression's part of it;
        albedo (B, 256, 256, 3) uint8 sRGB; code (B, 52); age, sex, tone, ita, weight, muscle (B,), ancestry
        (B, 3); the numbers of subject and expression.
        """
        rows = [self._sample(int(index)) for index in indices]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def _sample(self, index: int) -> dict[str, np.ndarray]:
        number, place = divmod(index, len(self.names))
        kept = self.subject(number)
        code = self.plan.weights(self.seed, number, place)
        offset = self._image(self.maker.expression(kept.bound, code))
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
        return out

    def _image(self, offsets: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, "R R 3"]:
        if not offsets.any():
            return np.zeros((self.resolution, self.resolution, 3), np.float32)
        whole = np.zeros((self.codec.n_vertices, 3), np.float32)
        whole[: len(offsets)] = offsets
        return self.codec.encode_fast(whole)

    def _albedo(self, person: Subject) -> np.ndarray | None:
        if not self.with_albedo:
            return None
        from mien.data.skin.fast import albedo_256
        from mien.data.skin.look import draw_look

        return albedo_256(draw_look(person))
