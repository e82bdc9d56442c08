"""A scan that meets an ear in a point or two: the ear is left as it was."""

import numpy as np
import pytest

from mien.geometry.closest import ClosestPoint
from mien.register import ears
from mien.register.ears import EarPatch
from mien.register.scan_surface import ScanSurface


def sheet(n: int, size: float, z: float) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(-size, size, n), np.linspace(-size, size, n))
    i = np.arange(n * n).reshape(n, n)[:-1, :-1].ravel()
    triangles = np.concatenate([np.stack([i, i + 1, i + n + 1], 1), np.stack([i, i + n + 1, i + n], 1)])
    return np.stack([x.ravel(), y.ravel(), np.full(n * n, z)], 1), triangles


@pytest.mark.parametrize("size", [0.0002, 0.03])
def test_an_ear_that_a_scan_hardly_meets_stays(size, monkeypatch):
    """A scrap of a scan above the ear's middle: pairs from one place only, which no affine motion follows from."""
    points, triangles = sheet(21, 0.02, 0.0)
    everything = np.ones(len(points), bool)
    patch = EarPatch(np.arange(len(points)), triangles, everything, everything)
    scan = ClosestPoint(*sheet(3 if size < 0.01 else 31, size, 0.002))
    surface = ScanSurface(scan, np.ones(len(scan.vertices)), np.ones(len(scan.vertices)))
    # what the reported mask gave: all pairs in one point
    if size < 0.01:
        one = np.tile([[0.0, 0.0, 0.0]], (2, 1))
        monkeypatch.setattr(ears, "_pairs_both_ways", lambda *_: (one, one + 0.001, np.array([0.3, 0.0])))
    fitted = ears._fitted(patch, surface, points, 1.0)
    if size < 0.01:
        np.testing.assert_array_equal(fitted, points)
    else:
        assert np.abs(fitted[:, 2].mean() - 0.002) < 5e-4
