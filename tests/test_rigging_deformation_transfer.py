"""Deformation transfer: its laws, and the fast form against the plain one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.rigging.deformation_transfer import (
    Transfer,
    displacement_gradients,
    transfer_plain,
    triangle_gradient,
)


def dome(n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """A bumpy dome of 0.2 m as an n x n grid of triangles."""
    x, y = np.meshgrid(np.linspace(-0.1, 0.1, n), np.linspace(-0.1, 0.1, n))
    z = 0.08 * np.exp(-40 * (x**2 + y**2)) + 0.01 * np.sin(40 * x)
    i = np.arange(n * n).reshape(n, n)
    a, b, c, d = i[:-1, :-1].ravel(), i[:-1, 1:].ravel(), i[1:, 1:].ravel(), i[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    return np.stack([x, y, z], axis=-1).reshape(-1, 3), triangles


def smile(vertices: np.ndarray) -> np.ndarray:
    """A smooth local motion, exactly zero far from its middle."""
    reach = np.clip(1 - ((vertices - [0.03, 0.0, 0.05]) ** 2).sum(axis=1) / 0.06**2, 0, None)[:, None] ** 2
    return reach * np.array([0.008, 0.012, -0.006])


def rotation(seed: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q if np.linalg.det(q) > 0 else q[:, [1, 0, 2]]


def test_the_same_head_gets_the_same_offsets():
    vertices, triangles = dome()
    offsets = np.stack([smile(vertices), -0.5 * smile(vertices)])
    carried = Transfer(vertices, vertices, triangles).apply(offsets)
    np.testing.assert_allclose(carried, offsets, atol=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), scale=st.floats(0.5, 2.0))
def test_a_turned_and_scaled_head_gets_turned_and_scaled_offsets(seed, scale):
    vertices, triangles = dome()
    turn, shift = rotation(seed), np.array([0.3, -0.2, 0.1])
    target = scale * vertices @ turn.T + shift
    carried = Transfer(vertices, target, triangles).apply(smile(vertices)[None])[0]
    np.testing.assert_allclose(carried, scale * smile(vertices) @ turn.T, atol=1e-8)


def test_no_motion_stays_no_motion_and_still_skin_stays_still():
    vertices, triangles = dome()
    target = vertices * [1.2, 0.9, 1.1]
    transfer = Transfer(vertices, target, triangles)
    assert (transfer.apply(np.zeros((1, *vertices.shape))) == 0).all()
    offsets = smile(vertices)
    carried = transfer.apply(offsets[None])[0]
    assert (carried[(offsets == 0).all(axis=1)] == 0).all()


def test_a_wider_head_smiles_wider():
    vertices, triangles = dome(17)
    target = vertices * [1.5, 1.0, 1.0]
    offsets = smile(vertices)
    carried = Transfer(vertices, target, triangles).apply(offsets[None])[0]
    assert np.isfinite(carried).all()
    gain = np.linalg.norm(carried, axis=1).max() / np.linalg.norm(offsets, axis=1).max()
    assert 0.9 < gain < 1.6


@pytest.mark.parametrize("stretch", [(1.0, 1.0, 1.0), (1.3, 0.9, 1.1)])
def test_fast_agrees_with_plain(stretch):
    vertices, triangles = dome(7)
    target = vertices * np.array(stretch)
    offsets = smile(vertices)
    fast = Transfer(vertices, target, triangles).apply(offsets[None])[0]
    np.testing.assert_allclose(fast, transfer_plain(vertices, target, triangles, offsets), atol=1e-8)


def test_gradient_of_a_linear_function_is_its_tangential_part():
    vertices, triangles = dome()
    slope = np.array([[1.0, 0.0], [2.0, -1.0], [0.5, 3.0]])
    gradient = triangle_gradient(vertices, triangles)
    cross = np.cross(*(vertices[triangles[:, k]] - vertices[triangles[:, 0]] for k in (1, 2)))
    normal = cross / np.linalg.norm(cross, axis=1, keepdims=True)
    tangential = slope - normal[:, :, None] * (normal @ slope)[:, None, :]
    np.testing.assert_allclose(gradient.of(vertices @ slope), tangential, atol=1e-9)


def test_a_rigid_turn_has_the_rotation_as_its_gradient():
    vertices, triangles = dome()
    turn = rotation(3)
    found = displacement_gradients(
        vertices, vertices @ turn.T - vertices, triangles, triangle_gradient(vertices, triangles)
    )
    np.testing.assert_allclose(found, np.broadcast_to(turn.T - np.eye(3), found.shape), atol=1e-9)
