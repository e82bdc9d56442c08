"""The template's 52 blendshapes: lids that close, lips that seal, sides that stay apart."""

from __future__ import annotations

from dataclasses import dataclass

from mien.evaluate.measures.aims import DESIGN, Aim, Verdict
from mien.evaluate.measures.evaluation import Evaluation, Findings, Say
from mien.rigging.personal import build_rig
from mien.rigging.quality import rig_quality
from mien.template.load import load_template

BLINK = Aim("blink gap, mm, either sign", at_most=0.3, at_least=-0.3, source=DESIGN)
SEAL = Aim("lip seal, mm, either sign", at_most=0.3, at_least=-0.3, source=DESIGN)
LID_TO_BALL = Aim("lid to eyeball in blink, wide and squint, mm", at_most=0.3, at_least=0.0, source=DESIGN)
LEAKAGE = Aim("leakage over the midline, mm", at_most=0.02, source=DESIGN)
SYMMETRY = Aim("Left + Right beside the symmetric shape, mm", at_most=0.02, source=DESIGN)
HALF_BLINK = Aim("lid to eyeball at half a blink, mm")
FLIPS = Aim("flipped triangles of a shape")
CROSSING = Aim("lips crossed by a shape alone, mm")


@dataclass(frozen=True, kw_only=True)
class EvaluateRig(Evaluation):
    """Poses the template's 52 blendshapes and measures, worst along the margin and with both signs, the gap
    that a blink leaves, the seal of closed lips over an open jaw and the lids' distance from the eyeballs;
    how far shapes of one side move the other; and triangles that flip. The same numbers of a person's rig
    stand in its asset.json."""

    def measure(self, say: Say) -> Findings:
        """One row: the template."""
        template = load_template()
        say("building the template's rig")
        quality = rig_quality(template, build_rig(template, template.vertices))
        return Findings({"rig": [{"scan": "template", **quality}]}, judge_rig(quality))


def judge_rig(quality: dict[str, float]) -> tuple[Verdict, ...]:
    """A rig's quality report beside the aims; lengths in millimetres."""
    lids = [(key, value) for key, value in quality.items() if key.startswith("lid_to_ball")]
    half = [value for key, value in lids if "half_blink" in key]
    return (
        BLINK.judge_worst((key, value) for key, value in quality.items() if key.startswith("blink_gap")),
        SEAL.judge_worst((key, value) for key, value in quality.items() if key.startswith("lip_seal")),
        LID_TO_BALL.judge_worst((key, value) for key, value in lids if "half_blink" not in key),
        LEAKAGE.judge(quality["leakage_max"]),
        SYMMETRY.judge(quality["left_plus_right_max"]),
        HALF_BLINK.judge(min(half)),
        CROSSING.judge(quality["lip_crossing_max"]),
        FLIPS.judge(quality["flips_max"]),
    )
