import builtins

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.render.camera import orbit_camera
from mien.render.pathtrace import path_trace
from mien.render.raster import render_view
from render_fixture import sphere, white_matte


def test_without_mitsuba_one_line_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "mitsuba":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    subject = sphere()
    with pytest.raises(MienError, match=r"pip install .*mitsuba"):
        path_trace(subject, orbit_camera(subject.frame, 8, 8, 0.0))


@pytest.mark.slow
@pytest.mark.parametrize("clay", [True, False])
def test_the_path_tracer_and_the_raster_agree(clay):
    pytest.importorskip("mitsuba")
    subject = sphere(material=white_matte("skin"))
    camera = orbit_camera(subject.frame, 48, 48, 25.0)
    traced = path_trace(subject, camera, samples=256, clay=clay).astype(float)
    drawn = render_view(subject, camera, mode="clay" if clay else "skin").astype(float)
    inside = np.hypot(*(np.mgrid[:48, :48] - 23.5)) < 13
    assert np.abs(traced - drawn)[inside].mean() < 6
    np.testing.assert_array_equal(traced, path_trace(subject, camera, samples=256, clay=clay))
