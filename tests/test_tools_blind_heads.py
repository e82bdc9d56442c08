"""The blind test's key and score."""

from __future__ import annotations

import pytest
from tools.blind_heads import INVENTED, invented, score, shuffled


def test_the_score_counts_both_kinds_and_knows_chance():
    key = {str(n): INVENTED if n <= 12 else "scan" for n in range(1, 25)}
    assert score(key, set(range(1, 13))).rate == 1.0
    assert score(key, set(range(13, 25))).rate == 0.0
    half = score(key, set(range(1, 25)))
    assert half.rate == 0.5
    assert half.low == pytest.approx(0.291, abs=0.002)  # Clopper-Pearson of 12 in 24
    assert half.by_chance > 0.5
    with pytest.raises(SystemExit, match="no head 30"):
        score(key, {30})


def test_the_key_names_what_is_shown():
    origins = [INVENTED] * 3 + ["scan"] * 3
    order, key = shuffled(origins, 4)
    assert sorted(order) == list(range(6))
    assert [key[str(n)] for n in range(1, 7)] == [origins[i] for i in order]
    assert shuffled(origins, 4)[1] == key
    assert any(shuffled(origins, seed)[1] != key for seed in range(5))


def test_ages_choose_who_is_invented():
    everybody = invented(12, 24, 3, (18.0, 80.0))
    young = invented(12, 24, 3, (18.0, 45.0))
    assert [one.index for one in everybody] == list(range(everybody[0].index, everybody[0].index + 12))
    assert all(18.0 <= one.age <= 45.0 for one in young)
    assert {one.index for one in everybody if one.age <= 45.0} <= {one.index for one in young}
    with pytest.raises(SystemExit, match="0 such subjects"):
        invented(12, 24, 3, (90.0, 95.0))
