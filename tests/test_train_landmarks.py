"""Training data and training: the same every time, true to the scan, and resumable."""

from __future__ import annotations

import numpy as np
import pytest

from mien.geometry.closest import ClosestPoint
from mien.synth.scans.clutter import no_head
from mien.synth.scans.linear_heads import random_expression
from mien.template.load import load_template

pytestmark = pytest.mark.slow  # the head model takes some seconds


@pytest.fixture(scope="module")
def model():
    from mien.train.landmark_data import _model

    return _model()


def test_heads_at_all_levels_are_the_same_surface(model):
    from mien.synth.scans.linear_heads import posed

    rng = np.random.default_rng(2)
    identity = rng.normal(size=len(model.landmarks.modes)).astype(np.float32)
    expression = random_expression(rng)
    full, coarse = (posed(model.levels[i], identity, expression) for i in (0, 2))
    gap = ClosestPoint(full, model.levels[0].triangles).query(coarse).distance
    assert np.percentile(gap, 95) < 1e-3
    template = load_template()
    plain = posed(model.landmarks, np.zeros_like(identity), expression)
    shaped = template.vertices + np.tensordot(expression, template.shapes, axes=1)
    np.testing.assert_allclose(plain, template.landmarks.on(shaped, template.topology), atol=1e-5)


def test_samples_are_the_same_every_time_and_points_lie_on_the_face(model):
    from mien.train.landmark_data import draw_batch

    first, again = draw_batch(5, 3), draw_batch(5, 3)
    np.testing.assert_array_equal(first.crops, again.crops)
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.crops, draw_batch(5, 4).crops)
    faces = [s for s in (draw_batch(5, i) for i in range(6)) if (s.presence == 1).any()]
    errors = []
    for sample in faces:
        for image, points in zip(
            sample.crops[sample.presence == 1], sample.points[sample.presence == 1], strict=True
        ):
            cell = ((points[27:48, :2] + 1) * 64).astype(int).clip(0, 127)
            errors.append(np.abs(image[3, cell[:, 1], cell[:, 0]] / 127 - points[27:48, 2]))
    assert np.median(np.concatenate(errors)) < 0.03  # depth under most points is the point's own


def test_no_heads_are_finite_and_varied():
    made = [no_head(np.random.default_rng([1, i])) for i in range(20)]
    assert all(np.isfinite(v).all() and t.max() < len(v) for v, t in made)
    assert len({len(v) for v, _ in made}) > 4


def test_training_goes_on_where_it_stopped(model, tmp_path):
    torch = pytest.importorskip("torch")
    from mien.train.landmarks import LandmarkTraining, train_landmarks

    def train(folder: str, steps: int, resume: bool = False) -> dict[str, np.ndarray]:
        from mien.train import checkpoint

        config = LandmarkTraining(
            steps=steps, scans=1, held_out=2, workers=0, folder=tmp_path / folder, save_seconds=1e9,
            asset=tmp_path / "weights.safetensors",
        )  # fmt: skip
        train_landmarks(config, resume)
        return checkpoint.load(tmp_path / folder / "state.safetensors")[0]

    train("resumed", 2)
    resumed = train("resumed", 4, resume=True)
    assert all(torch.isfinite(t.float()).all() for t in resumed.values())
    assert float(resumed["optimizer.0.step"]) == 4
    assert (tmp_path / "weights.safetensors").stat().st_size < 3_000_000
