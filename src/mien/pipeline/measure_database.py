"""`mien evaluate database`: generated neutral heads in numbers, beside ICT-FaceKit's own spread."""

from __future__ import annotations

from typing import Any

from mien.data.basis import load_basis
from mien.data.geometry import head_maker
from mien.data.subject import draw_subject
from mien.evaluate.database import database_report

COUNT, SEED = 600, 5

Rows = list[dict[str, object]]


def evaluate_database(count: int = COUNT, seed: int = SEED) -> Rows:
    """Two rows: the database's measures, and those of ICT-FaceKit's carried modes where there are such."""
    basis = load_basis()
    subjects = [draw_subject(seed, index) for index in range(count)]
    report: dict[str, Any] = database_report(basis, subjects)
    maker = head_maker(basis)
    some = subjects[:200]
    own: dict[str, object] = {"method": "database"}
    own |= {f"spread {name} mm": round(value, 2) for name, value in report["spread_mm"].items()}
    own |= {f"nearest face, {name} mm": round(value, 2) for name, value in report["nearest_mm"].items()}
    own |= {f"unevenness, {name} mm": round(value, 2) for name, value in report["unevenness_mm"].items()}
    own |= {f"from form: {name}": round(value, 3) for name, value in report["predictability"].items()}
    own["plausible at first draw"] = sum(maker.head(s).attempts == 1 for s in some) / len(some)
    stage: dict[str, object] = {"method": "ICT-FaceKit"}
    stage |= {f"spread {name} mm": round(value, 2) for name, value in report["light_stage_spread_mm"].items()}
    stage |= {f"nearest face, {k} mm": round(v, 2) for k, v in report["light_stage_nearest_mm"].items()}
    return [own, stage]
