"""Tangents: closed forms, and what splits a vertex."""

from __future__ import annotations

import numpy as np
import pytest

from export_fixture import tiny_template
from mien.export.primitives import split_by_material
from mien.export.tangents import corner_tangents, uv_handedness, vertex_tangents
from mien.geometry.normals import normalized

SQUARE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=float)
TWO = np.array([[0, 1, 2], [0, 2, 3]])
UP = np.tile([0.0, 0.0, 1.0], (4, 1))


@pytest.mark.parametrize("turn", [0.0, 30.0, 90.0, 200.0])
def test_on_a_flat_square_the_tangent_is_the_direction_of_u(turn: float):
    a = np.radians(turn)
    uvs = SQUARE[:, :2] @ np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]).T
    tangents = vertex_tangents(SQUARE, UP, uvs, TWO)
    np.testing.assert_allclose(tangents[:, :3], np.tile([np.cos(a), -np.sin(a), 0], (4, 1)), atol=1e-12)
    np.testing.assert_array_equal(tangents[:, 3], 1)


def test_mirrored_uvs_give_the_other_sign_and_the_bitangent_still_follows_v():
    uvs = SQUARE[:, :2] * [-1, 1]
    tangents = vertex_tangents(SQUARE, UP, uvs, TWO)
    np.testing.assert_allclose(tangents, np.tile([-1.0, 0, 0, -1], (4, 1)), atol=1e-12)
    bitangent = tangents[:, 3:] * np.cross(UP, tangents[:, :3])
    np.testing.assert_allclose(bitangent, np.tile([0.0, 1, 0], (4, 1)), atol=1e-12)


def test_on_a_cylinder_the_tangent_goes_round():
    angle, height = np.meshgrid(np.linspace(0, 1.5, 31), np.linspace(0, 1, 5))
    around, up = angle.ravel(), height.ravel()
    positions = np.stack([np.sin(around), up, np.cos(around)], axis=1)
    normals = positions * [1, 0, 1]
    corner = np.arange(5 * 31).reshape(5, 31)[:-1, :-1].ravel()
    quads = np.stack([corner, corner + 1, corner + 32, corner + 31], axis=1)
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    tangents = vertex_tangents(positions, normals, np.stack([around, up], axis=1), triangles)
    expected = np.stack([np.cos(around), np.zeros_like(around), -np.sin(around)], axis=1)
    np.testing.assert_allclose(tangents[:, :3], expected, atol=1e-12)


def test_corners_are_weighted_by_their_angle():
    # two triangles at vertex 0: 90 degrees whose u grows along x, 45 degrees whose u grows along y
    positions = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [-1, 1, 0]], dtype=float)
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    uvs = np.array([[0, 0], [1, 0], [0, 1], [0, 1]], dtype=float)
    corner_uvs = np.array([uvs[[0, 1, 2]], [[0, 0], [1, 0], [1, 1]]])
    normals = np.tile([0.0, 0, 1], (2, 3, 1))
    corners = corner_tangents(positions[triangles], normals, corner_uvs)
    np.testing.assert_allclose(np.linalg.norm(corners[:, 0], axis=1), [np.pi / 2, np.pi / 4], atol=1e-12)


def test_degenerate_uvs_still_give_unit_tangents_in_the_plane():
    tangents = vertex_tangents(SQUARE, UP, np.zeros((4, 2)), TWO)
    np.testing.assert_allclose(np.linalg.norm(tangents[:, :3], axis=1), 1)
    np.testing.assert_allclose((tangents[:, :3] * UP).sum(axis=1), 0, atol=1e-12)


def test_tangents_of_a_curved_head_are_unit_and_perpendicular_to_the_normals():
    template = tiny_template()
    normals = normalized(template.vertices - [0, 0, -0.3])
    for primitive in split_by_material(template):
        tangents = primitive.tangents(template.vertices, normals)
        np.testing.assert_allclose(np.linalg.norm(tangents[:, :3], axis=1), 1, atol=1e-12)
        dots = (tangents[:, :3] * normals[primitive.vertex_ids]).sum(axis=1)
        np.testing.assert_allclose(dots, 0, atol=1e-12)


def test_a_vertex_is_split_where_handedness_changes():
    from dataclasses import replace

    template = tiny_template()
    # fold the face's UVs about the middle: both halves then cover the same texels, one of them mirrored
    uvs = template.topology.uvs.copy()
    face = template.parts[0].vertices
    uvs[face, 0] = np.abs(2 * uvs[face, 0] - 1)
    folded = replace(template, topology=replace(template.topology, uvs=uvs))
    (flat, *_), (split, *_) = split_by_material(template), split_by_material(folded)
    on_the_fold = int((np.abs(template.vertices[face, 0]) < 1e-9).sum())
    assert len(split.vertex_ids) == len(flat.vertex_ids) + on_the_fold
    assert set(uv_handedness(split.uvs[split.triangles])) == {1, -1}
