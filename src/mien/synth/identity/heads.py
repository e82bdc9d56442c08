"""Neutral heads of the face database: attributes, light stage, features and traits, seated and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from jaxtyping import Float

from mien.anatomy.eyeball import Eyeball
from mien.anatomy.seating import Seat
from mien.synth.identity.apply_traits import Former
from mien.synth.identity.basis import SynthBasis
from mien.synth.identity.looks import looks
from mien.synth.identity.mode_weights import HeadWeights, draw_weights
from mien.synth.identity.plausible_heads import HeadChecks
from mien.synth.identity.survey_sizes import Build
from mien.synth.identity.teeth import shape_teeth
from mien.synth.subject import Subject
from mien.template.load import load_template

CALMER = 0.88  # each new attempt strays so much less from the mean: a draw always ends
ATTEMPTS = 40


@dataclass(frozen=True)
class NeutralHead:
    """A drawn skin (metres), its eyeballs by side, the weights behind it, and how many draws it took."""

    skin: Float[np.ndarray, "S 3"]
    eyes: dict[str, Eyeball]
    weights: HeadWeights
    attempts: int


class HeadMaker:
    """Draws heads from one basis; what does not change between heads is worked out once."""

    def __init__(self, basis: SynthBasis) -> None:
        self.basis, self.template = basis, load_template()
        self.former = Former(self.template, basis)
        self.build = Build(self.template, basis.mean)
        self.seat = Seat(self.template, basis.n_skin)
        self.plausibility = HeadChecks.of(self.template, basis.mean)

    def head(self, subject: Subject) -> NeutralHead:
        """This subject's neutral head: the first of its attempts that is plausible.

        Attempt k has the same numbers and strays `CALMER`^k as far from what the attributes suggest: so a
        person stays the same person when an attribute is edited and another attempt is needed.
        """
        for attempt in range(ATTEMPTS):
            skin, eyes, weights = self.draw(subject, attempt)
            if not self.faults(skin, weights):
                return NeutralHead(skin, eyes, weights, attempt + 1)
        raise RuntimeError(
            f"subject {subject.seed}/{subject.index}: no plausible head in {ATTEMPTS} attempts"
        )

    def draw(
        self, subject: Subject, attempt: int
    ) -> tuple[Float[np.ndarray, "S 3"], dict[str, Eyeball], HeadWeights]:
        """One attempt, plausible or not: skin, eyeballs, weights."""
        spread = CALMER**attempt
        weights = draw_weights(self.basis, subject, subject.stream("geometry"), spread)
        skin = self.basis.skin(weights.stage, weights.attributes, weights.features)
        skin += self.former.offsets(subject, subject.stream("form"), spread)
        self.build.resize(skin, looks(subject))
        seated, eyes = self.seat(skin)
        return seated.astype(np.float32), eyes, weights

    def faults(self, skin: Float[np.ndarray, "S 3"], weights: HeadWeights) -> list[str]:
        """Why this head is refused, in words; empty for a plausible one."""
        return self.plausibility.faults(skin, weights.stage, self.seat.lips.opening(skin))


def neutral_heads(
    basis: SynthBasis, subjects: Sequence[Subject], *, parts: bool = False
) -> Float[np.ndarray, "B V 3"]:
    """Neutral heads (metres, template topology); a head has the same bits in a batch of any size.

    Without `parts` the rows of teeth, gums, tongue, lashes and lid strips are the template's own, unmoved:
    training looks at the skin and eyeballs only. With them everything is set in (slower, needs libigl).
    """
    return np.stack([neutral_head(basis, subject, parts=parts) for subject in subjects])


def neutral_head(basis: SynthBasis, subject: Subject, *, parts: bool = False) -> Float[np.ndarray, "V 3"]:
    """`neutral_heads` of one subject."""
    maker = head_maker(basis)
    head = maker.head(subject)
    out = maker.template.vertices.astype(np.float32)
    out[: basis.n_skin] = head.skin
    if parts:
        from mien.anatomy.parts import place_parts

        placed = place_parts(maker.template, out.astype(np.float64))
        placed[: basis.n_skin] = head.skin  # its linings are tucked already
        out = shape_teeth(maker.template, subject, placed).astype(np.float32)
    maker.seat.set_balls(out, head.eyes)
    return out


_MAKERS: WeakKeyDictionary[SynthBasis, HeadMaker] = WeakKeyDictionary()


def head_maker(basis: SynthBasis) -> HeadMaker:
    """The maker of this basis, built on first use."""
    if basis not in _MAKERS:
        _MAKERS[basis] = HeadMaker(basis)
    return _MAKERS[basis]
