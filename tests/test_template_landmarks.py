import numpy as np
import pytest

from mien.core.face import Template
from mien.template.load import load_template

# The number on the other side of each of the 68.
TWIN = np.array(
    [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37,
     36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
)  # fmt: skip


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template()


def test_68_points_symmetric(template: Template):
    points = template.landmarks.on(template.vertices, template.topology)
    assert points.shape == (68, 3)
    np.testing.assert_allclose(points[TWIN] * [-1, 1, 1], points, atol=1e-6)


def test_they_stay_symmetric_on_any_mirrored_head(template: Template):
    rng = np.random.default_rng(0)
    head = template.vertices + 0.001 * rng.standard_normal(template.vertices.shape)
    flipped = head[template.mirror] * [-1, 1, 1]
    points = template.landmarks.on(head, template.topology)
    twins = template.landmarks.on(flipped, template.topology)
    np.testing.assert_allclose(twins[TWIN] * [-1, 1, 1], points, atol=1e-6)


@pytest.mark.parametrize("name", ["landmarks", "dense_landmarks"])
def test_weights_are_barycentric(template: Template, name: str):
    weights = getattr(template, name).barycentric
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert getattr(template, name).triangle.max() < len(template.topology.triangles)


def test_order_is_multi_pie(template: Template):
    p = template.landmarks.on(template.vertices, template.topology)
    assert p[0, 0] < p[8, 0] < p[16, 0]  # jaw from the subject's right
    assert (np.diff(p[17:27, 0]) > 0).all()
    assert (np.diff(p[27:31, 1]) < 0).all()
    assert p[36, 0] < p[39, 0] < 0 < p[42, 0] < p[45, 0]
    assert p[37:39, 1].min() > p[40:42, 1].max()
    assert p[51, 1] > p[62, 1] >= p[66, 1] > p[57, 1]
    assert p[30, 2] == p[:, 2].max()  # the tip of the nose is foremost


def test_dense_landmarks(template: Template):
    points = template.dense_landmarks.on(template.vertices, template.topology)
    assert 150 <= len(points) <= 250
    flipped = points * [-1, 1, 1]
    nearest = np.linalg.norm(points[:, None] - flipped[None], axis=2).min(axis=1)
    assert nearest.max() < 1e-6
    assert len(np.unique(points.round(6), axis=0)) == len(points)


def test_lids_and_lips_lie_on_their_margins(template: Template):
    points = template.landmarks.on(template.vertices, template.topology)
    lines = {
        "lid_upper_left": (42, 43, 44, 45), "lid_lower_left": (42, 47, 46, 45),
        "lips_outer_upper": (48, 49, 50, 51, 52, 53, 54), "lips_outer_lower": (48, 59, 58, 57, 56, 55, 54),
        "lips_front_upper": (60, 61, 62, 63, 64), "lips_front_lower": (60, 67, 66, 65, 64),
    }  # fmt: skip
    for name, numbers in lines.items():
        start, end = (template.vertices[template.loops[name]][k] for k in (slice(-1), slice(1, None)))
        step = end - start
        offset = points[list(numbers), None] - start
        along = np.clip((offset * step).sum(axis=2) / (step**2).sum(axis=1), 0, 1)
        distance = np.linalg.norm(offset - along[:, :, None] * step, axis=2).min(axis=1)
        assert distance.max() < 1e-6, name


def test_brows_span_the_orbits(template: Template):
    """Wider than the eyes, as brows are: beyond the outer corner, and inside the inner one."""
    p = template.landmarks.on(template.vertices, template.topology)
    assert 0.008 < p[26, 0] - p[45, 0] < 0.020
    assert p[22, 0] < p[42, 0]
    height = p[22:27, 1] - p[[42, 45], 1].mean()
    assert height.min() > 0.012
    assert height.max() < 0.026


def test_midline_is_exact(template: Template):
    p = template.landmarks.on(template.vertices, template.topology)
    np.testing.assert_allclose(p[[8, 27, 28, 29, 30, 33, 51, 57, 62, 66], 0], 0, atol=1e-9)
