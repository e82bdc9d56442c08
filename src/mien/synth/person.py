"""One synthetic person, made on demand: the one recipe from a subject to head, expressions, skin and rig.

    person = SyntheticPerson.draw(7)
    person.neutral, person.pose({"jawOpen": 1.0}), person.maps["face_albedo"], person.rig

Skin alone (`bound`, `look`) needs numpy and scipy only, as training does; teeth and lashes (`whole`) need
libigl, and `maps` numba and OpenCV: so these are imported where they are made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.face import Template
from mien.core.mesh import Image
from mien.rigging.rig import Rig, Weights, dense_weights
from mien.synth.expression.maker import BoundHead, ExpressionMaker, expression_maker
from mien.synth.identity.basis import load_basis
from mien.synth.identity.heads import NeutralHead
from mien.synth.subject import Subject, draw_subject

if TYPE_CHECKING:
    from mien.synth.skin.expressed import DynamicSkin
    from mien.synth.skin.look import SkinLook
    from mien.synth.whole_head import WholeHead

_LARGEST_FEATURE_MAP = 1024  # texels of eyes and teeth: they fill few pixels of any picture
_SMALLEST_MAP = 256
_MIDLINE_CUT = 10  # how steeply the little that a half moves across the midline ends there


@dataclass(frozen=True)
class SyntheticPerson:
    """A synthetic person: a function of the subject (seed, index, attributes) alone.

    `resolution` is that of the face's maps in texels; the head's have half of it. Everything is made when
    it is first asked for, and kept.
    """

    subject: Subject
    resolution: int = 1024
    maker: ExpressionMaker = field(
        default_factory=lambda: expression_maker(load_basis()), repr=False, compare=False
    )

    @classmethod
    def draw(cls, index: int, seed: int = 1, resolution: int = 1024) -> SyntheticPerson:
        """Person `index` of the people that `seed` draws."""
        return cls(draw_subject(seed, index), resolution)

    @property
    def template(self) -> Template:
        """The topology that the person is on."""
        return self.maker.template

    @cached_property
    def head(self) -> NeutralHead:
        """The skin at rest, and the eyeballs in it."""
        return self.maker.heads.head(self.subject)

    @cached_property
    def bound(self) -> BoundHead:
        """The head with this person's own way to make expressions: what `maker.expression` takes."""
        return self.maker.bind(self.head, self.maker.draw_form(self.subject, self.head))

    @cached_property
    def transferred(self) -> BoundHead:
        """The head with the average person's expressions: those of scale and deformation transfer alone."""
        return self.maker.bind(self.head)

    @cached_property
    def whole(self) -> WholeHead:
        """The head with teeth, gums, tongue, lashes and lid strips."""
        from mien.synth.whole_head import whole_head

        return whole_head(self.maker, self.bound, self.subject)

    @cached_property
    def look(self) -> SkinLook:
        """What the skin is made of."""
        from mien.synth.skin.look import draw_look

        return draw_look(self.subject)

    @property
    def neutral(self) -> Float[np.ndarray, "V 3"]:
        """All vertices at rest, metres."""
        return self.whole.neutral.astype(np.float64)

    def offsets(self, weights: Float[np.ndarray, "52"]) -> Float[np.ndarray, "V 3"]:
        """Offsets of all vertices from the neutral in an expression (metres, float32)."""
        from mien.synth.whole_head import whole_expression

        return whole_expression(self.maker, self.whole, weights)

    def pose(self, weights: Weights) -> Float[np.ndarray, "V 3"]:
        """All vertices (metres) of one expression, made in this person's own way.

        `weights` are those of `Rig`, one pose of them. Faces are not linear in them: `rig` is the linear
        approximation. Raises `MienError` for unknown blendshapes.
        """
        return (self.whole.neutral + self.offsets(dense_weights(weights))).astype(np.float64)

    @cached_property
    def maps(self) -> dict[str, Image]:
        """Skin, eyes, teeth, lashes and the lids' shade by name, without normals."""
        from mien.synth.skin.features import feature_maps
        from mien.synth.skin.maps import skin_maps
        from mien.textures.lashes import occlusion_maps

        half = max(self.resolution // 2, _SMALLEST_MAP)
        return {
            **skin_maps(self.look, self.resolution, ("face",)),
            **skin_maps(self.look, half, ("head",)),
            **feature_maps(self.subject, self.look, min(half, _LARGEST_FEATURE_MAP)),
            **occlusion_maps(),
        }

    @cached_property
    def dynamic_skin(self) -> DynamicSkin:
        """What expressions change of the face's maps."""
        from mien.synth.skin.dynamic import wrinkle_patterns
        from mien.synth.skin.expressed import DynamicSkin
        from mien.synth.skin.layout import layout

        albedo, relief = self.maps["face_albedo"].pixels, self.maps["face_displacement"].pixels[..., 0]
        codes = np.clip(np.rint(255.0 * albedo[..., :3]), 0, 255).astype(np.uint8)
        return DynamicSkin(self.look, codes, relief, wrinkle_patterns(layout("face"), self.look, len(relief)))

    def maps_in(self, weights: dict[str, float]) -> dict[str, Image]:
        """The maps in an expression, including blood flow and wrinkles."""
        return self.maps | self.dynamic_skin.maps_in(self.neutral, self.pose(weights))

    @cached_property
    def rig(self) -> Rig:
        """The person's own 52 blendshapes, each posed alone so that they can be summed, and the joints.

        mouthClose is what it changes of an open jaw; lips that meet in the template's shapes meet in these.
        """
        from mien.anatomy.contact.exact_lips import LipPatch
        from mien.anatomy.skin_mesh import skin_mesh
        from mien.rigging.personal import meet_lips, personal_joints
        from mien.rigging.sides import shape_share

        template, rest = self.template, self.neutral
        shapes = np.array([self.pose({name: 1.0}) - rest for name in SHAPE_NAMES])
        open_jaw = {"jawOpen": 1.0}
        shapes[SHAPE_INDEX["mouthClose"]] = self.pose({**open_jaw, "mouthClose": 1.0}) - self.pose(open_jaw)
        for name, shape in zip(SHAPE_NAMES, shapes, strict=True):
            for x in (template.vertices[:, 0], rest[:, 0]):  # both: no face's midline is straight
                share = np.broadcast_to(shape_share(name, x), len(x))
                shape *= np.minimum(1.0, _MIDLINE_CUT * share)[:, None]
        skin = skin_mesh(template)
        lips = LipPatch(rest[: skin.count], skin.triangles, template.loops)
        met = shapes[:, : skin.count].copy()
        meet_lips(template, lips, template.vertices[: skin.count, 0], list(SHAPE_NAMES), met)
        shapes[:, : skin.count] = met
        return Rig.on(template, rest, shapes, personal_joints(template, rest))
