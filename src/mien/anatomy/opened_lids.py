"""Open lids for eyes that were closed in the scan."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from mien.anatomy.lids import REACH, Eye
from mien.anatomy.skin_mesh import SkinMesh
from mien.core.face import Template
from mien.geometry.align import Similarity
from mien.geometry.patch import Patch


def opened_lids(
    template: Template, skin: SkinMesh, vertices: Float[np.ndarray, "S 3"], side: str, eye: Eye
) -> Float[np.ndarray, "S 3"]:
    """Offsets (metres) to the template's open lids between this person's corners and this person's orbit.

    For eyes that were closed in the scan, which shows nothing of how they look open.
    """
    loops = template.loops
    names = [f"{kind}_{lid}_{side}" for kind in ("lid", "lid_inner") for lid in ("upper", "lower")]
    margins = np.concatenate([loops[name] for name in names])
    corners = np.unique(np.concatenate([loops[name][[0, -1]] for name in names]))
    own = template.vertices[: skin.count]
    near = cKDTree(own[margins]).query(own)[0] < REACH
    carried = _with_the_eye(template, side, eye)(own)
    patch = Patch(own, skin.triangles, near, corners)
    difference = vertices - carried
    return carried + patch.correct(difference[corners], skin.count, around=difference) - vertices


def _with_the_eye(template: Template, side: str, eye: Eye) -> Similarity:
    """The template's eyeball to this one; the gaze says how it is turned."""
    joint = next(j for j in template.joints if j.name == f"eye_{side}")
    rows = template.vertex_mask(f"eye_{side}")
    radius = float(np.linalg.norm(template.vertices[rows] - joint.position, axis=1).max())
    scale = eye.radius / radius
    return Similarity(scale, eye.rotation, eye.centre - scale * eye.rotation @ joint.position)
