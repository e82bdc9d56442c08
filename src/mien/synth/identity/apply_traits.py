"""Traits, unevenness and ears applied to a linear head: what makes it a person and not a mode."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.core.conventions import SHAPE_INDEX
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.normals import normalized, triangle_cross
from mien.geometry.weights import smoothstep
from mien.synth.identity.basis import SynthBasis
from mien.synth.identity.fields import LineField, SkinFrame
from mien.synth.identity.looks import looks
from mien.synth.identity.traits import BLOBS, LINES, BlobTrait, LineTrait
from mien.synth.subject import Subject

_MM = 1e-3
# Skin unevenness: wavelengths (mm) of random waves and their standard deviation (mm).
UNEVENNESS = ((70.0, 0.55, 10), (24.0, 0.13, 14), (11.0, 0.05, 14))
SLACK = (0.15, 1.6, 2.2)  # by how much more of each old skin is uneven, from 35 to 80 years
# Shapes that a face at rest holds a trace of, and the standard deviation of their (half-normal) weights.
AT_REST = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "eyeSquintLeft",
    "eyeSquintRight", "mouthFrownLeft", "mouthFrownRight", "mouthSmileLeft", "mouthSmileRight",
    "mouthPressLeft", "mouthPressRight", "mouthLeft", "mouthRight", "jawLeft", "jawRight", "mouthShrugLower",
)  # fmt: skip
AT_REST_SIGMA = 0.055
_EAR_TURN = (2.5, 3.8)  # degrees outward: mean and standard deviation
_NORMAL_ROUNDS = 8
_LINE_NUMBERS = 14  # normal numbers behind one line of one side of a face
# What a line does along itself: its width varies (log), grows with its depth, and where it ends.
_WIDTH_VARIES, _WIDENS, _WIDER_ENDS = 0.18, 0.3, 0.5
# Metres from the corners of the mouth, and from the outer ones of the eyes, over which folds set in.
_MOUTH_CORNER, _EYE_CORNER = (3.0e-3, 11.0e-3), (3.0e-3, 12.0e-3)
_EYE_CORNERS = (36, 45)  # landmarks


@dataclass(frozen=True)
class _Blob:
    rows: Int[np.ndarray, " R"]
    place: Float[np.ndarray, "R 3"]
    normal: Float[np.ndarray, "R 3"]
    flip: float


class Former:
    """The non-linear part of the face database's geometry, bound to one basis."""

    def __init__(self, template: Template, basis: SynthBasis) -> None:
        self.template, self.n_skin = template, basis.n_skin
        self.subdivision = basis.subdivision
        self.mirror = template.mirror[: self.n_skin]
        quads = template.topology.quads
        triangles = split_quads(quads[(quads < self.n_skin).all(axis=1)])
        outer = np.flatnonzero(template.vertex_mask("face", "head")[: self.n_skin])
        vertices = basis.mean.astype(np.float64)
        self.frame = SkinFrame(vertices, _smooth_normals(vertices, triangles), outer)
        self.lines = [(trait, self._line_fields(trait)) for trait in LINES]
        self.blobs = [(trait, self._blob_fields(trait)) for trait in BLOBS]
        at_cage = np.asarray(basis.subdivision.tocsc().argmax(axis=0)).ravel()
        self._cage_points = vertices[at_cage].astype(np.float32)
        self._calm_normals = self._calm[:, None] * self.frame.normals.astype(np.float32)

    def offsets(
        self, subject: Subject, rng: np.random.Generator, share: float = 1.0
    ) -> Float[np.ndarray, "S 3"]:
        """All non-linear offsets of this subject's skin, metres; traits at `share` of their strength."""
        strengths = trait_strengths(subject)
        out = np.zeros((self.n_skin, 3), np.float32)
        for trait, fields in self.lines:
            _add_line(out, trait, fields, share * strengths[trait.name], rng)
        for blob, places in self.blobs:
            _add_blob(out, blob, places, share * strengths[blob.name], rng)
        out += (self.subdivision @ self._unevenness(rng, looks(subject).age))[:, None] * self._calm_normals
        self._turn_ears(out, rng)
        return out + self._at_rest(rng)

    def fold(self, name: str) -> Float[np.ndarray, "S 3"]:
        """A trait of `LINES` or `BLOBS` at strength 1, where it lies in the mean head, metres."""
        out = np.zeros((self.n_skin, 3), np.float32)
        for trait, fields in self.lines:
            for field in fields if trait.name == name else ():
                _lay_line(out, trait, field, 1.0, np.zeros(_LINE_NUMBERS))
        for blob, places in self.blobs:
            for place in places if blob.name == name else ():
                _lay_blob(out, blob, place, 1.0, np.zeros(4))
        return out

    def _at_rest(self, rng: np.random.Generator) -> Float[np.ndarray, "S 3"]:
        """The bit of expression that a face keeps at rest, each muscle a little, each side by itself."""
        weights = np.abs(np.clip(rng.standard_normal(len(AT_REST)), -2.5, 2.5)) * AT_REST_SIGMA
        moved = weights.astype(np.float32) @ self._rest_shapes
        return moved.reshape(-1, 3)

    @cached_property
    def _rest_shapes(self) -> Float[np.ndarray, "R S3"]:
        shapes = [self.template.shapes[SHAPE_INDEX[name], : self.n_skin].ravel() for name in AT_REST]
        return np.stack(shapes).astype(np.float32)

    def _line_fields(self, trait: LineTrait) -> list[LineField]:
        points = self.frame.on_skin(np.array(trait.points, float) * _MM, trait.depth * _MM)
        toward = self.frame.on_skin(np.array([trait.toward], float) * _MM, trait.depth * _MM)[0]
        field = self._off_corners(self.frame.line(points, toward, trait.reach * _MM))
        return [field, field.mirrored(self.mirror)] if trait.paired else [field]

    def _off_corners(self, field: LineField) -> LineField:
        """The field without what would go into the corners of mouth and eyes: folds end before them."""
        template, at = self.template, self.frame.vertices[field.rows, None]
        mouth = template.vertices[template.loops["lips_inner_upper"][[0, -1]]]
        eyes = template.landmarks.on(template.vertices, template.topology)[list(_EYE_CORNERS)]
        open_skin = smoothstep(np.linalg.norm(at - mouth, axis=2).min(axis=1), *_MOUTH_CORNER)
        open_skin *= smoothstep(np.linalg.norm(at - eyes, axis=2).min(axis=1), *_EYE_CORNER)
        open_skin = open_skin[:, None].astype(np.float32)
        return replace(field, normal=open_skin * field.normal, sideways=open_skin * field.sideways)

    def _blob_fields(self, trait: BlobTrait) -> list[_Blob]:
        centre, size = np.array(trait.centre) * _MM, np.array(trait.size) * _MM
        place = (self.frame.vertices - centre) / size
        rows = self.frame.outer[(place[self.frame.outer] ** 2).sum(axis=1) < 3.2**2]
        blob = _Blob(
            rows,
            place[rows].astype(np.float32),
            self.frame.normals[rows].astype(np.float32),
            1.0,
        )
        if not trait.paired:
            return [blob]
        flip = np.array([-1, 1, 1], np.float32)
        return [blob, _Blob(self.mirror[rows], blob.place, blob.normal * flip, -1.0)]

    def _unevenness(self, rng: np.random.Generator, age: float) -> Float[np.ndarray, " C"]:
        """Random waves out of the skin, on the cage: no face is as smooth as a mode, nor as symmetric."""
        height = np.zeros(len(self._cage_points), np.float32)
        aged = min(max((age - 35.0) / 45.0, 0.0), 1.2)
        for (wavelength, even, count), slack in zip(UNEVENNESS, SLACK, strict=True):
            sigma = even * (1.0 + slack * aged)
            direction = rng.standard_normal((3, count))
            direction /= np.linalg.norm(direction, axis=0)
            number = 2 * np.pi / (wavelength * _MM * np.exp(0.25 * rng.standard_normal(count)))
            phase = rng.uniform(0, 2 * np.pi, count)
            amplitude = sigma * _MM * np.sqrt(2.0 / count) * np.exp(0.2 * rng.standard_normal(count))
            waves = np.cos(
                self._cage_points @ (direction * number).astype(np.float32) + phase.astype(np.float32)
            )
            height += waves @ amplitude.astype(np.float32)
        return height

    @cached_property
    def _calm(self) -> Float[np.ndarray, " S"]:
        """0 at lids, lips' seam, sockets, nostrils and the neck's end, 1 on the open skin."""
        regions = self.template.regions
        still = np.zeros(self.n_skin)
        for name in ("eye_rim_left", "eye_rim_right", "nostrils"):
            still = np.maximum(still, regions[name][: self.n_skin])
        for name in ("upper_lid_left", "upper_lid_right", "lower_lid_left", "lower_lid_right", "lips"):
            still = np.maximum(still, 0.8 * regions[name][: self.n_skin])
        still[self.template.part("head").vertices.stop :] = 1.0
        return (1.0 - np.clip(still, 0, 1)).astype(np.float32)

    def _turn_ears(self, out: np.ndarray, rng: np.random.Generator) -> None:
        """Each ear turned about the line on which it is attached, a little differently."""
        common, *sides = rng.standard_normal(3)
        for side, own, flip in (("left", sides[0], 1.0), ("right", sides[1], -1.0)):
            weight = self.template.regions[f"ear_{side}"][: self.n_skin]
            rows = np.flatnonzero(weight > 0.01)
            mean, sigma = _EAR_TURN
            angle = np.radians(mean + sigma * np.clip(0.9 * common + 0.45 * own, -1.8, 2.0)) * flip
            points = self.frame.vertices[rows] - np.array([flip * 0.069, -0.022, -0.064])
            cosine, sine = np.cos(angle), np.sin(angle)
            x, z = points[:, 0], points[:, 2]
            turned = np.stack([cosine * x - sine * z, points[:, 1], sine * x + cosine * z], axis=1)
            share = np.minimum(weight[rows], 1.0) ** 1.5
            out[rows] += (share[:, None] * (turned - points)).astype(np.float32)


def trait_strengths(subject: Subject) -> dict[str, float]:
    """How strongly each trait of `LINES` and `BLOBS` shows (1: plainly), so that skin can go with form."""
    rng = subject.stream("traits")
    shown = looks(subject)
    traits: list[LineTrait | BlobTrait] = [*LINES, *BLOBS]
    return {trait.name: trait.rule.strength(shown, rng) for trait in traits}


def _add_line(
    out: np.ndarray, trait: LineTrait, fields: list[LineField], strength: float, rng: np.random.Generator
) -> None:
    for line in fields:
        numbers = np.clip(rng.standard_normal(_LINE_NUMBERS), -2.2, 2.2)
        if strength != 0.0:
            _lay_line(out, trait, line, strength, numbers)


def _lay_line(
    out: np.ndarray, trait: LineTrait, line: LineField, strength: float, numbers: Float[np.ndarray, " N"]
) -> None:
    """A soft valley: the deeper the wider, uneven along itself, dissolving (wider, shallower) at its ends."""
    t = line.along
    start, end = trait.ends * np.maximum(numbers[2:4], -1.0)
    fade = _ramp(t, start, start + trait.fade[0]) * (1 - _ramp(t, 1 + end - trait.fade[1], 1 + end))
    depth = math.exp(trait.uneven * numbers[0]) * (1 + np.tanh(trait.varies * _drift(t, numbers[8:11])))
    wide = math.exp(0.15 * numbers[1]) * (1 + _WIDENS * max(abs(strength) - 0.5, 0.0))
    width = np.float32(wide) * np.exp(np.float32(_WIDTH_VARIES) * _drift(t, numbers[11:14]))
    width *= 1 + np.float32(_WIDER_ENDS) * (1 - fade)
    x = (line.across - _path(t, (trait.wander * _MM * numbers[4:8]).astype(np.float32))) / width
    outward, sideways = np.zeros_like(x), np.zeros_like(x)
    for wave in trait.waves:
        ridge = np.exp(-(((x - np.float32(wave.at * _MM)) / np.float32(wave.width * _MM)) ** 2))
        outward += np.float32(wave.out) * ridge
        sideways += np.float32(wave.over) * ridge
    scale = np.float32(strength * _MM) * depth.astype(np.float32) * fade
    out[line.rows] += (scale * outward)[:, None] * line.normal + (scale * sideways)[:, None] * line.sideways


def _drift(t: Float[np.ndarray, " R"], numbers: Float[np.ndarray, "3"]) -> Float[np.ndarray, " R"]:
    """Smooth noise along a line, of about unit deviation."""
    turn, (a, b, c) = np.float32(np.pi) * t, numbers.astype(np.float32)
    return a * np.cos(np.float32(2.3) * turn + b) + b * np.sin(np.float32(4.1) * turn + c) * np.float32(0.8)


def _path(t: Float[np.ndarray, " R"], stray: Float[np.ndarray, "4"]) -> Float[np.ndarray, " R"]:
    """How far this person's line strays across the mean one, metres."""
    turn = np.float32(np.pi) * t
    slow, fast = np.cos(2 * turn), np.cos(5 * turn)
    return (
        stray[0]
        + stray[1] * (t - np.float32(0.5))
        + (stray[2] / 2) * slow
        + np.float32(0.3) * stray[3] * fast
    )


def _add_blob(
    out: np.ndarray, trait: BlobTrait, places: list[_Blob], strength: float, rng: np.random.Generator
) -> None:
    for blob in places:
        numbers = np.clip(rng.standard_normal(4), -2.2, 2.2)
        if strength != 0.0:
            _lay_blob(out, trait, blob, strength, numbers)


def _lay_blob(
    out: np.ndarray, trait: BlobTrait, blob: _Blob, strength: float, numbers: Float[np.ndarray, "4"]
) -> None:
    stray = (trait.stray / np.array(trait.size) * numbers[1:]).astype(np.float32)
    away = blob.place - stray
    weight = np.exp(np.float32(-0.5) * np.einsum("rd,rd->r", away, away))
    weight *= np.float32(strength * (1.0 + trait.uneven * numbers[0]) * _MM)
    move = np.array(trait.move, np.float32) * np.array([blob.flip, 1, 1], np.float32)
    out[blob.rows] += weight[:, None] * (np.float32(trait.out) * blob.normal + move)


def _smooth_normals(
    vertices: Float[np.ndarray, "S 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "S 3"]:
    """Normals averaged over the neighbourhood: pushed along them, a crease keeps open."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ones = np.ones(len(edges))
    graph = sparse.coo_matrix((ones, (edges[:, 0], edges[:, 1])), (len(vertices),) * 2).tocsr()
    graph = graph + graph.T
    corners = (np.ones(triangles.size), (triangles.ravel(), np.repeat(np.arange(len(triangles)), 3)))
    touching = sparse.csr_matrix(corners, (len(vertices), len(triangles)))
    normals = normalized(touching @ triangle_cross(vertices, triangles))
    for _ in range(_NORMAL_ROUNDS):
        normals = normalized(normals + normalized(graph @ normals))
    return normals


def _ramp(value: Float[np.ndarray, " R"], low: float, high: float) -> Float[np.ndarray, " R"]:
    t = np.clip((value - np.float32(low)) / np.float32(high - low), np.float32(0), np.float32(1))
    return t * t * (np.float32(3) - np.float32(2) * t)
