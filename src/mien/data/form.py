"""Traits, unevenness and ears applied to a linear head: what makes it a person and not a mode."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.data.fields import LineField, SkinFrame
from mien.data.subject import Subject
from mien.data.traits import BLOBS, LINES, BlobTrait, LineTrait
from mien.geometry.normals import normalized, vertex_normals

_MM = 1e-3
# Skin unevenness: wavelengths (mm) of random waves and their standard deviation (mm).
UNEVENNESS = ((70.0, 0.55, 10), (24.0, 0.13, 14), (11.0, 0.05, 14))
_EAR_TURN = (4.0, 6.0)  # degrees outward: mean and standard deviation
_NORMAL_ROUNDS = 8


@dataclass(frozen=True)
class _Blob:
    trait: BlobTrait
    rows: Int[np.ndarray, " R"]
    place: Float[np.ndarray, "R 3"]
    normal: Float[np.ndarray, "R 3"]
    flip: float


class Former:
    """The non-linear part of the face database's geometry, bound to one mean head."""

    def __init__(self, template: Template, mean: Float[np.ndarray, "S 3"]) -> None:
        self.template, self.n_skin = template, len(mean)
        self.mirror = template.mirror[: self.n_skin]
        quads = template.topology.quads
        triangles = split_quads(quads[(quads < self.n_skin).all(axis=1)])
        outer = np.flatnonzero(template.vertex_mask("face", "head")[: self.n_skin])
        vertices = mean.astype(np.float64)
        self.frame = SkinFrame(vertices, _smooth_normals(vertices, triangles), outer)
        self.lines = [(trait, self._line_fields(trait)) for trait in LINES]
        self.blobs = [blob for trait in BLOBS for blob in self._blob_fields(trait)]

    def offsets(self, subject: Subject, rng: np.random.Generator) -> Float[np.ndarray, "S 3"]:
        """All non-linear offsets of this subject's skin, metres."""
        out = np.zeros((self.n_skin, 3), np.float32)
        for trait, fields in self.lines:
            _add_line(out, trait, fields, subject, rng)
        for trait in BLOBS:
            self._add_blob(out, trait, subject, rng)
        out += self._unevenness(subject, rng)
        self._turn_ears(out, subject, rng)
        return out

    def _line_fields(self, trait: LineTrait) -> list[LineField]:
        points = self.frame.on_skin(np.array(trait.points, float) * _MM)
        toward = self.frame.on_skin(np.array([trait.toward], float) * _MM)[0]
        field = self.frame.line(points, toward, trait.reach * _MM)
        return [field, field.mirrored(self.mirror)] if trait.paired else [field]

    def _blob_fields(self, trait: BlobTrait) -> list[_Blob]:
        centre, size = np.array(trait.centre) * _MM, np.array(trait.size) * _MM
        place = (self.frame.vertices - centre) / size
        rows = self.frame.outer[(place[self.frame.outer] ** 2).sum(axis=1) < 3.2**2]
        blob = _Blob(
            trait,
            rows,
            place[rows].astype(np.float32),
            self.frame.normals[rows].astype(np.float32),
            1.0,
        )
        if not trait.paired:
            return [blob]
        flip = np.array([-1, 1, 1], np.float32)
        return [blob, _Blob(trait, self.mirror[rows], blob.place, blob.normal * flip, -1.0)]

    @cached_property
    def _blobs_by_name(self) -> dict[str, list[_Blob]]:
        out: dict[str, list[_Blob]] = {}
        for blob in self.blobs:
            out.setdefault(blob.trait.name, []).append(blob)
        return out

    def _add_blob(
        self, out: np.ndarray, trait: BlobTrait, subject: Subject, rng: np.random.Generator
    ) -> None:
        strength = trait.rule.strength(subject, rng)
        for blob in self._blobs_by_name[trait.name]:
            uneven = 1.0 + trait.uneven * rng.standard_normal()
            stray = trait.stray / np.array(trait.size) * np.clip(rng.standard_normal(3), -2, 2)
            if strength == 0.0:
                continue
            weight = np.exp(-0.5 * ((blob.place - stray.astype(np.float32)) ** 2).sum(axis=1))
            weight *= np.float32(strength * uneven * _MM)
            move = np.array(trait.move, np.float32) * np.array([blob.flip, 1, 1], np.float32)
            out[blob.rows] += weight[:, None] * (trait.out * blob.normal + move)

    def _unevenness(self, subject: Subject, rng: np.random.Generator) -> Float[np.ndarray, "S 3"]:
        """Random waves on the skin along its normals: no face is as smooth as a mode, nor as symmetric."""
        points = self.frame.vertices.astype(np.float32)
        height = np.zeros(self.n_skin, np.float32)
        for wavelength, sigma, count in UNEVENNESS:
            direction = rng.standard_normal((3, count))
            direction /= np.linalg.norm(direction, axis=0)
            number = 2 * np.pi / (wavelength * _MM * np.exp(0.25 * rng.standard_normal(count)))
            phase = rng.uniform(0, 2 * np.pi, count)
            waves = np.cos(points @ (direction * number).astype(np.float32) + phase.astype(np.float32))
            amplitude = sigma * _MM * np.sqrt(2.0 / count) * np.exp(0.2 * rng.standard_normal(count))
            height += waves @ amplitude.astype(np.float32)
        return (height * self._calm)[:, None] * self.frame.normals.astype(np.float32)

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

    def _turn_ears(self, out: np.ndarray, subject: Subject, rng: np.random.Generator) -> None:
        """Each ear turned about the line on which it is attached, a little differently."""
        common, *sides = rng.standard_normal(3)
        for side, own, flip in (("left", sides[0], 1.0), ("right", sides[1], -1.0)):
            weight = self.template.regions[f"ear_{side}"][: self.n_skin]
            rows = np.flatnonzero(weight > 0.01)
            mean, sigma = _EAR_TURN
            angle = np.radians(mean + sigma * np.clip(0.9 * common + 0.45 * own, -1.8, 2.6)) * flip
            points = self.frame.vertices[rows] - np.array([flip * 0.069, -0.022, -0.064])
            cosine, sine = np.cos(angle), np.sin(angle)
            x, z = points[:, 0], points[:, 2]
            turned = np.stack([cosine * x - sine * z, points[:, 1], sine * x + cosine * z], axis=1)
            share = np.minimum(weight[rows], 1.0) ** 1.5
            out[rows] += (share[:, None] * (turned - points)).astype(np.float32)


def _add_line(
    out: np.ndarray, trait: LineTrait, fields: list[LineField], subject: Subject, rng: np.random.Generator
) -> None:
    strength = trait.rule.strength(subject, rng)
    for line in fields:
        uneven = float(np.exp(trait.uneven * rng.standard_normal()))
        wander = trait.wander * _MM * np.clip(rng.standard_normal(4), -2, 2)
        wide = float(np.exp(0.15 * rng.standard_normal()))
        start, end = 0.08 * rng.standard_normal(2)
        if strength == 0.0:
            continue
        t = line.along
        path = wander[0] + wander[1] * (t - 0.5) + 0.5 * wander[2] * np.cos(np.pi * 2 * t)
        path = path + 0.3 * wander[3] * np.cos(np.pi * 5 * t)
        x = line.across - path.astype(np.float32)
        weight = _ramp(t, start, start + trait.fade[0]) * (1 - _ramp(t, 1 + end - trait.fade[1], 1 + end))
        outward, sideways = np.zeros_like(x), np.zeros_like(x)
        for wave in trait.waves:
            ridge = np.exp(-(((x - wave.at * wide * _MM) / (wave.width * wide * _MM)) ** 2))
            outward += wave.out * ridge
            sideways += wave.over * ridge
        scale = (strength * uneven * _MM * weight).astype(np.float32)[:, None]
        scale = scale * _rim(line.across, trait.reach)[:, None]
        out[line.rows] += scale * (outward[:, None] * line.normal + sideways[:, None] * line.sideways)


def _smooth_normals(
    vertices: Float[np.ndarray, "S 3"], triangles: Int[np.ndarray, "T 3"]
) -> Float[np.ndarray, "S 3"]:
    """Normals averaged over the neighbourhood: pushed along them, a crease keeps open."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ones = np.ones(len(edges))
    graph = sparse.coo_matrix((ones, (edges[:, 0], edges[:, 1])), (len(vertices),) * 2).tocsr()
    graph = graph + graph.T
    normals = vertex_normals(vertices, triangles)
    for _ in range(_NORMAL_ROUNDS):
        normals = normalized(normals + normalized(graph @ normals))
    return normals


def _ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _rim(across: np.ndarray, reach: float) -> np.ndarray:
    """1 near the line, 0 where its field ends."""
    return (1 - _ramp(np.abs(across) / (reach * _MM), 0.75, 1.0)).astype(np.float32)
