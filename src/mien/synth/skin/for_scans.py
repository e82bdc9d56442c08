"""The synthetic people's skin on a head that was scanned without colour: a `SkinGenerator`."""

from __future__ import annotations

from dataclasses import replace

from mien.core.face import Template
from mien.core.mesh import Image
from mien.synth.skin.look import draw_look
from mien.synth.skin.maps import skin_maps
from mien.synth.subject import draw_subject
from mien.template.load import load_template

_AGE, _SEX = 35.0, 0.5  # nothing is known of the person: an adult, neither bearded nor made up


def synthetic_skin(template: Template, tone: float, seed: int, resolution: int) -> dict[str, Image]:
    """sRGB albedo of "face" and "head", drawn as for a synthetic adult of this tone; 0 lightest, 1 darkest.

    Only the shipped template's UV is drawn on: others raise `ValueError`.
    """
    if template.vertices.shape != load_template().vertices.shape:
        raise ValueError("synthetic skin is drawn in the shipped template's UV")
    subject = replace(draw_subject(seed, 0), tone=tone, age=_AGE, sex=_SEX)
    maps = skin_maps(draw_look(subject), resolution)
    return {tile: maps[f"{tile}_albedo"] for tile in ("face", "head")}
