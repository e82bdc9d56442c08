"""What calipers and tapes measure on the database's heads, beside what surveys of adults found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mien.synth.identity.calipers import Calipers
from mien.synth.identity.heads import HeadMaker, NeutralHead
from mien.synth.subject import Subject

_ANSUR = "ANSUR II, Gordon et al. 2014"
_NIOSH = "NIOSH, Zhuang & Bradtmiller 2005"


@dataclass(frozen=True)
class Survey:
    """Mean and standard deviation of a measure in men and in women, mm, and whose they are."""

    men: tuple[float, float]
    women: tuple[float, float]
    source: str


AGES = (20.0, 40.0, 60.0, 80.0)
SURVEYS: dict[str, Survey] = {
    "head length": Survey((199.5, 7.0), (189.8, 7.4), _ANSUR),
    "head breadth": Survey((154.3, 5.5), (147.8, 5.2), _ANSUR),
    "head circumference": Survey((574.4, 16.0), (561.1, 19.4), _ANSUR),
    "tragion to top of head": Survey((131.1, 6.2), (126.5, 6.5), _ANSUR),
    "neck circumference": Survey((397.6, 26.5), (329.9, 18.0), _ANSUR),
    "bizygomatic breadth": Survey((143.5, 6.9), (135.1, 6.5), _NIOSH),
    "menton to sellion": Survey((122.7, 7.0), (113.4, 6.1), _NIOSH),
    "subnasale to sellion": Survey((52.0, 4.1), (48.2, 3.8), _NIOSH),
    "nose breadth": Survey((36.6, 4.1), (33.2, 3.9), _NIOSH),
    "nose protrusion": Survey((21.1, 2.7), (19.8, 2.7), _NIOSH),
    "interpupillary distance": Survey((64.5, 3.6), (61.9, 3.5), _NIOSH),
    "lip length": Survey((51.1, 4.2), (48.0, 4.0), _NIOSH),
}


def measure_head(calipers: Calipers, head: NeutralHead) -> dict[str, float]:
    """Every measure of `SURVEYS` on one head, mm."""
    skin = 1e3 * head.skin.astype(np.float64)
    mark = calipers.marks(skin)
    left, right = (1e3 * head.eyes[side].centre for side in ("left", "right"))
    between = {
        "menton to sellion": mark[8] - calipers.sellion(skin),
        "nose protrusion": mark[30] - mark[33],
        "interpupillary distance": left - right,
        "lip length": mark[48] - mark[54],
    }
    return {
        "head length": calipers.head_length(skin),
        "head breadth": calipers.head_breadth(skin),
        "head circumference": calipers.head_circumference(skin),
        "tragion to top of head": calipers.tragion_to_top(skin),
        "neck circumference": calipers.neck_circumference(skin),
        "bizygomatic breadth": calipers.bizygomatic_breadth(skin),
        "subnasale to sellion": calipers.nose_length(skin),
        "nose breadth": calipers.nose_breadth(skin),
        **{name: float(np.linalg.norm(line)) for name, line in between.items()},
    }


def compare_with_surveys(
    calipers: Calipers, subjects: Sequence[Subject], heads: Sequence[NeutralHead]
) -> list[dict[str, object]]:
    """A row a measure: mean and standard deviation of men and women, found and surveyed, mm."""
    found = [measure_head(calipers, head) for head in heads]
    men = np.array([subject.sex > 0.5 for subject in subjects])
    rows: list[dict[str, object]] = []
    for name, survey in SURVEYS.items():
        values = np.array([one[name] for one in found])
        row: dict[str, object] = {"measure, mm": name}
        for who, chosen, wanted in (("men", men, survey.men), ("women", ~men, survey.women)):
            row[who] = f"{values[chosen].mean():.1f} ({values[chosen].std():.1f})"
            row[f"{who}, surveyed"] = f"{wanted[0]:.1f} ({wanted[1]:.1f})"
        rows.append({**row, "source": survey.source})
    return rows


def measure_ageing(maker: HeadMaker, subjects: Sequence[Subject]) -> list[dict[str, object]]:
    """The same people at `AGES`: means of what age changes, mm, and how far face and neck went since 20."""
    tables = []
    for subject in subjects:
        heads = [maker.head(replace(subject, age=age)).skin.astype(np.float64) for age in AGES]
        went = [_went(maker, heads[0], head) for head in heads]
        tables.append([{**_aged(maker, 1e3 * head), **far} for head, far in zip(heads, went, strict=True)])
    return [
        {
            "mean of the same people, mm": name,
            **{
                f"at {age:.0f}": float(np.mean([table[k][name] for table in tables]))
                for k, age in enumerate(AGES)
            },
        }
        for name in tables[0][0]
    ]


def _aged(maker: HeadMaker, skin: Float[np.ndarray, "S 3"]) -> dict[str, float]:
    mark = maker.build.calipers.marks(skin)
    ear = maker.template.regions["ear_left"][: len(skin)] > 0.5
    openings = [(37, 41), (38, 40), (43, 47), (44, 46)]
    return {
        "height of both lips' red": float(mark[51, 1] - mark[57, 1]),
        "nose's base to the upper lip's red": float(mark[33, 1] - mark[51, 1]),
        "opening of the eyes": float(np.mean([mark[a, 1] - mark[b, 1] for a, b in openings])),
        "nose, sellion to its base": maker.build.calipers.nose_length(skin),
        "ear, top to lobe": float(np.ptp(skin[ear, 1])),
    }


def _went(
    maker: HeadMaker, young: Float[np.ndarray, "S 3"], old: Float[np.ndarray, "S 3"]
) -> dict[str, float]:
    """Root mean square distance of the same vertices by region, mm."""
    squared = 1e6 * ((old - young) ** 2).sum(axis=1)
    out = {}
    for name in ("face", "neck"):
        weight = maker.template.regions[name][: len(young)]
        out[f"{name}, away from what it was at 20"] = float(np.sqrt((weight * squared).sum() / weight.sum()))
    return out
