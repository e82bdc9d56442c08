"""The library's face: light to import, complete, typed; what it gives behaves as the command line does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.core.errors import MienError
from mien.synth.person import SyntheticPerson

HEAVY = ("torch", "numba", "mitsuba", "igl", "scipy", "cv2", "numpy")


def imported_by(code: str) -> set[str]:
    """Which of the heavy packages a fresh Python imports for this."""
    tell = f"import sys; print(*[m for m in {HEAVY} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_does_nothing_heavy():
    assert imported_by("import mien; mien.rig; mien.load; mien.draw_portrait") == set()


def test_the_check_of_imports_can_fail():
    assert "numpy" in imported_by("import mien; mien.Template")


def test_every_promised_name_is_there_and_a_wrong_one_is_said():
    for name in mien.__all__:
        assert getattr(mien, name) is not None
    assert set(dir(mien)) == set(mien.__all__)
    with pytest.raises(AttributeError, match="no attribute 'rigg'"):
        _ = mien.rigg


def test_the_package_says_that_it_is_typed():
    assert (Path(mien.__file__).parent / "py.typed").is_file()


def test_a_scan_that_is_not_there_is_refused():
    with pytest.raises(MienError, match="no such file"):
        mien.rig("nowhere.obj")


@pytest.fixture(scope="module")
def person():
    return SyntheticPerson.draw(12, resolution=256)


def test_a_person_is_a_function_of_seed_and_index(person):
    again = SyntheticPerson.draw(12, resolution=256)
    assert again == person
    np.testing.assert_array_equal(again.neutral, person.neutral)
    assert not np.array_equal(SyntheticPerson.draw(13).neutral, person.neutral)


def test_a_person_is_drawn_in_two_lines(person, tmp_path):
    picture = mien.draw_portrait(person, tmp_path / "person.png", size=(120, 132))
    assert picture.shape == (132, 120, 3)
    assert picture.std() > 20
    assert (tmp_path / "person.png").read_bytes()[1:4] == b"PNG"
    smiling = mien.draw_portrait(person, expression={"jawOpen": 1.0}, size=(120, 132))
    assert np.abs(smiling.astype(int) - picture).max() > 40


def test_an_unknown_blendshape_is_refused_before_drawing(person):
    with pytest.raises(MienError, match="did you mean"):
        mien.draw_portrait(person, expression={"jawOpne": 1.0})


def test_the_linear_rig_is_the_persons_own_expressions_one_at_a_time(person):
    own = person.pose({"browInnerUp": 1.0})
    above = person.neutral[:, 1] > person.rig({}).landmarks[27, 1]  # the mouth is kept closed besides
    posed = person.rig({"browInnerUp": 1.0}).vertices
    np.testing.assert_allclose(posed[above], own[above], atol=1e-4)
