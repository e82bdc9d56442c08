"""Everything that can be measured without files of the user's, in one table with the aims beside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from mien.core.errors import MienError
from mien.evaluate.basemesh import EvaluateBasemesh
from mien.evaluate.calibration import EvaluateCalibration
from mien.evaluate.database import EvaluateDatabase
from mien.evaluate.database_expressions import EvaluateDatabaseExpressions
from mien.evaluate.expression_removal import EvaluateExpressionRemoval
from mien.evaluate.geoimage import EvaluateGeoimage
from mien.evaluate.inputs import EvaluateInputs
from mien.evaluate.landmarks import EvaluateLandmarks
from mien.evaluate.masks import EvaluateMasks
from mien.evaluate.measures.aims import Aim, Verdict
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.evaluate.people import EvaluatePeople
from mien.evaluate.registration import EvaluateRegistration
from mien.evaluate.rig import EvaluateRig
from mien.evaluate.robustness import EvaluateRobustness
from mien.evaluate.sharpness import EvaluateSharpness
from mien.evaluate.skin import EvaluateSkin

PARTS: Mapping[str, type[Evaluation]] = MappingProxyType(
    {
        "registration": EvaluateRegistration,
        "robustness": EvaluateRobustness,
        "calibration": EvaluateCalibration,
        "expression-removal": EvaluateExpressionRemoval,
        "masks": EvaluateMasks,
        "rig": EvaluateRig,
        "sharpness": EvaluateSharpness,
        "basemesh": EvaluateBasemesh,
        "database": EvaluateDatabase,
        "database-expressions": EvaluateDatabaseExpressions,
        "geoimage": EvaluateGeoimage,
        "people": EvaluatePeople,
        "landmarks": EvaluateLandmarks,
        "skin": EvaluateSkin,
        "inputs": EvaluateInputs,
    }
)
DONE = Aim("measured without an error", at_least=1.0)


@dataclass(frozen=True, kw_only=True)
class EvaluateAll(Evaluation):
    """Runs every subcommand that needs no files of yours and prints one table: what was found, the aim beside
    it, and whether it was met. Exit 1 where one was missed. Takes about half an hour on two cores."""

    skip: tuple[str, ...] = ()
    """Subcommands to leave out."""

    def measure(self, say: Say) -> Findings:
        """The tables of all parts, named PART or PART: TABLE."""
        unknown = sorted(set(self.skip) - set(PARTS))
        if unknown:
            raise MienError(f"--skip {unknown[0]}: no such part, expected one of {', '.join(PARTS)}")
        return measure_parts({name: part() for name, part in PARTS.items() if name not in self.skip}, say)


def measure_parts(parts: Mapping[str, Evaluation], say: Say) -> Findings:
    """Every part in turn. One that cannot be measured counts as missed, and the others still run."""
    tables: dict[str, Rows] = {}
    verdicts: list[Verdict] = []
    for name, part in parts.items():
        say(f"--- {name}")
        try:
            found = part.measure(say)
        except MienError as error:
            verdicts.append(_name(DONE.judge(0.0, str(error)), name))
            continue
        tables |= {_title(name, table): rows for table, rows in found.tables.items()}
        verdicts += [_name(verdict, name) for verdict in found.verdicts]
    return Findings(tables, tuple(verdicts), text="")


def _title(part: str, table: str) -> str:
    return part if table == part else f"{part}: {table}"


def _name(verdict: Verdict, part: str) -> Verdict:
    """The verdict with its part's name before the aim's."""
    return replace(verdict, aim=replace(verdict.aim, what=f"{part}: {verdict.aim.what}"))
