"""Aims are judged at their bounds, and the worst of several values is the one that counts."""

from __future__ import annotations

from math import inf, nan

import pytest

from mien.evaluate.measures.aims import Aim, judge_columns
from mien.evaluate.measures.evaluation import Findings
from mien.evaluate.rig import judge_rig

GAP = Aim("gap", at_most=0.3, at_least=-0.3)


@pytest.mark.parametrize(("found", "met"), [(0.3, True), (-0.3, True), (0.31, False), (-0.31, False)])
def test_both_bounds_are_inclusive(found: float, met: bool):
    assert GAP.judge(found).met == met


@pytest.mark.parametrize("found", [nan, inf])
def test_what_could_not_be_measured_is_missed(found: float):
    assert not Aim("gap", at_most=0.3).judge(found).met
    assert Aim("gap").judge(found).met  # without bounds there is nothing to miss


def test_the_worst_is_the_farthest_outside_or_nearest_to_a_bound():
    verdict = GAP.judge_worst([("a", 0.1), ("b", -0.29), ("c", 0.2)])
    assert (verdict.place, verdict.found) == ("b", -0.29)
    assert GAP.judge_worst([("a", 0.1), ("b", nan), ("c", 9.0)]).place == "b"
    assert Aim("share", at_least=0.9).judge_worst([("a", 0.95), ("b", 0.91)]).place == "b"
    with pytest.raises(ValueError, match="has no bounds"):
        Aim("gap").judge_worst([("a", 0.1)])


def test_columns_are_judged_where_they_stand():
    aims = {"gap": GAP, "share": Aim("share", at_least=0.9), "none has it": Aim("x", at_most=0.0)}
    rows: list[dict[str, object]] = [
        {"scan": "one", "gap": 0.1},
        {"scan": "two", "method": "ours", "gap": 0.4, "share": 0.95},
    ]
    gap, share = judge_columns(aims, rows)
    assert (gap.place, gap.found, gap.met) == ("two, ours", 0.4, False)
    assert (share.place, share.met) == ("two, ours", True)


def test_verdicts_as_rows_and_lines():
    missed, reported = GAP.judge(0.5, "lips"), Aim("seconds").judge(nan)
    assert missed.to_row() == {
        "what": "gap",
        "found": 0.5,
        "at_least": -0.3,
        "at_most": 0.3,
        "met": False,
        "in": "lips",
        "source": "",
    }
    assert reported.to_row()["found"] is None  # JSON has no NaN
    assert missed.to_line()["aim"] == "-0.3 to 0.3"
    assert [v.to_line()["met"] for v in (missed, GAP.judge(0.0), reported)] == ["MISSED", "yes", ""]
    assert Findings({}, (missed, reported)).missed == [missed]


def test_a_rig_that_gapes_misses_the_aims_that_it_should():
    good = {
        "blink_gap_max_left": 0.02,
        "blink_gap_min_left": -0.01,
        "lid_to_ball_max_eyeBlinkLeft": 0.2,
        "lid_to_ball_min_eyeBlinkLeft": 0.1,
        "lid_to_ball_min_half_blink_left": -1.4,
        "lip_seal_max": 0.05,
        "lip_seal_min": -0.01,
        "lip_crossing_max": 0.1,
        "leakage_max": 0.0,
        "left_plus_right_max": 0.0,
        "flips_max": 3.0,
    }

    def missed(**bad: float) -> list[str]:
        return [verdict.aim.what for verdict in judge_rig(good | bad) if not verdict.met]

    assert missed() == []
    assert missed(blink_gap_min_left=-0.4) == ["blink gap, mm, either sign"]
    assert missed(lip_seal_max=0.4) == ["lip seal, mm, either sign"]
    assert missed(lid_to_ball_min_eyeBlinkLeft=-0.01) == ["lid to eyeball in blink, wide and squint, mm"]
    assert missed(leakage_max=0.03) == ["leakage over the midline, mm"]
    assert missed(left_plus_right_max=0.03) == ["Left + Right beside the symmetric shape, mm"]
