"""ICT-FaceKit's people are made of all its modes, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.evaluate.measures.ict_facekit import COMPACT, FEWEST_MODES, SKIN_END, read_ict_people


def model(folder, modes: int):
    rng = np.random.default_rng(3)
    np.savez(
        folder / COMPACT,
        vertices=rng.standard_normal((SKIN_END, 3)),
        faces=np.arange(8).reshape(2, 4),
        identity_deltas=rng.standard_normal((modes, SKIN_END, 3)),
    )
    return folder


def test_a_copy_with_a_few_modes_is_refused(tmp_path):
    with pytest.raises(MienError, match="holds 3 identity"):
        read_ict_people(model(tmp_path, 3))


def test_a_person_strays_by_all_modes(tmp_path):
    people = read_ict_people(model(tmp_path, FEWEST_MODES))
    strayed = people.person(1).scan.vertices - people.mean
    clipped = 0.88  # the standard deviation of a normal number held within two
    assert np.std(strayed) / (0.01 * FEWEST_MODES**0.5) == pytest.approx(clipped, rel=0.15)
