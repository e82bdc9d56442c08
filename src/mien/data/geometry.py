"""Neutral heads of the face database."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from jaxtyping import Float

from mien.data.basis import Basis
from mien.data.draw import draw_weights
from mien.data.form import Former
from mien.data.seat import Seat
from mien.data.subject import Subject
from mien.template.load import load_template

_FORMER: dict[int, Former] = {}
_SEAT: dict[int, Seat] = {}


def neutral_heads(basis: Basis, subjects: Sequence[Subject]) -> Float[np.ndarray, "B V 3"]:
    """Neutral heads, metres; a head is the same bits whatever stands beside it in the batch."""
    return np.stack([neutral_head(basis, subject) for subject in subjects])


def former(basis: Basis) -> Former:
    if id(basis) not in _FORMER:
        _FORMER[id(basis)] = Former(load_template(), basis.mean)
    return _FORMER[id(basis)]


def seat(basis: Basis) -> Seat:
    if id(basis) not in _SEAT:
        _SEAT[id(basis)] = Seat(load_template(), basis.mean)
    return _SEAT[id(basis)]


def neutral_head(basis: Basis, subject: Subject) -> Float[np.ndarray, "V 3"]:
    weights = draw_weights(basis, subject, subject.stream("geometry"))
    skin = basis.skin(weights.stage, weights.attributes, weights.features)
    skin = skin + former(basis).offsets(subject, subject.stream("form"))
    skin, _ = seat(basis)(skin)
    out = load_template().vertices.astype(np.float32)
    out[: len(skin)] = skin
    return out
