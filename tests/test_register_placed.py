"""Landmarks moved by hand: the skin is led to them smoothly, without a fold."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.face import PreparedScan, Registration
from mien.core.mesh import Scan
from mien.register.fitted_skin import FittedSkin, template_skin
from mien.register.placed_landmarks import PlacedPoints, led_to, misses_mm, with_placed
from mien.register.rescale import settle_unit
from mien.register.run import landmark_pull
from mien.register.surface_distance import flipped_triangles
from mien.template.load import load_template


@pytest.fixture(scope="module")
def skin() -> FittedSkin:
    return template_skin(load_template())


def prepared(placed: np.ndarray | None = None) -> PreparedScan:
    template = load_template()
    points = template.landmarks.on(template.vertices, template.topology)
    scan = Scan("s", points, np.array([[0, 1, 2]]))
    return PreparedScan(
        scan, np.eye(4), points, np.ones(68), "no unit: scaled", unit_known=False, placed=placed, found=points
    )


@pytest.mark.parametrize(
    ("number", "metres"), [([48], 0.004), ([48], 0.012), ([30], 0.003), ([36, 39], 0.003), ([5], 0.015)]
)
def test_the_skin_is_led_to_the_points_without_a_fold(
    skin: FittedSkin, number: list[int], metres: float
) -> None:
    pull = landmark_pull(load_template(), skin, prepared())
    placed = PlacedPoints(np.array(number), pull.target[number] - [metres, 0.0, 0.0])
    rest = skin.rest.astype(np.float64)
    led = led_to(skin, rest, pull, placed, 1.0)
    chosen = with_placed(pull, placed)
    mask = np.isin(np.arange(68), number)
    assert misses_mm(skin, led, chosen, prepared(mask))["placed_landmarks_max_mm"] < 0.1
    assert misses_mm(skin, rest, chosen, prepared(mask))["placed_landmarks_max_mm"] > 900 * metres
    flipped = skin.triangles[flipped_triangles(skin, led, rest)]
    assert not (skin.measured[flipped] > 0).any()
    change = np.linalg.norm(led - rest, axis=1)
    assert change.max() < 1.1 * metres
    away = np.linalg.norm(rest[:, None] - placed.target[None], axis=2).min(axis=1) > max(0.03, 8 * metres)
    assert change[away].max() < 0.05 * metres


def test_where_points_were_found_scales_with_a_scan_without_a_unit() -> None:
    template, given = load_template(), prepared(np.arange(68) == 48)
    zeros = np.zeros(len(template.vertices))
    head = template.vertices.astype(np.float64)
    fitted = Registration(head, head, np.zeros(1), np.zeros(52), zeros, zeros, {"scale": 2.0})
    settled, _ = settle_unit(template, given, fitted)
    assert settled.found is not None
    np.testing.assert_allclose(settled.found, settled.landmarks)
