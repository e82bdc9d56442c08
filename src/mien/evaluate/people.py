"""Registration with the linear model of heads that is fitted, beside the older one of the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.core.face import LinearModel, PreparedScan, Template
from mien.evaluate.measures.aims import Aim, Verdict
from mien.evaluate.measures.evaluation import Findings, Rows, Say
from mien.evaluate.measures.given_scans import (
    ScanEvaluation,
    pair_scans,
    prepare_real,
    register_and_settle,
)
from mien.evaluate.measures.registration_accuracy import measure_correspondence, measure_registration
from mien.register.run import register
from mien.synth.identity.basis import SynthBasis, load_basis
from mien.synth.identity.heads import neutral_head
from mien.synth.scans.synthetic_scan import SyntheticScan, synthetic
from mien.synth.subject import draw_subject
from mien.template.load import load_template

SYNTHETIC = 3  # scans of either kind
TEST_SEED = 900  # of the database's heads that are scanned: none of them made a model


@dataclass(frozen=True, kw_only=True)
class EvaluatePeople(ScanEvaluation):
    """Registers the same scans with two linear models of heads, the template's own modes and the components
    of the database's people that `mien rig` fits: synthetic scans of heads that either makes, then yours."""

    def measure(self, say: Say) -> Findings:
        """A row a scan and model."""
        scans = pair_scans(self.scans, self.albedo)
        basis, template = load_basis(), load_template()
        made = make_synthetic_scans(template, basis, SYNTHETIC)
        real = [prepare_real(scan) for scan in scans]
        rows = compare_models(template, list_models(template), made, real, say)
        return Findings({"people": rows}, tuple(_report(rows)))


def list_models(template: Template) -> dict[str, LinearModel]:
    """The two models by what they are."""
    return {
        f"template, {len(template.identity.modes)} modes": template.identity,
        f"database, {len(template.fitted.modes)} modes": template.fitted,
    }


def _report(rows: Rows) -> list[Verdict]:
    """Each model's mean over the synthetic scans; nothing is aimed at."""
    key = "correspondence_median_mm"
    verdicts = []
    for model in dict.fromkeys(str(row["method"]) for row in rows):
        found = [float(str(row[key])) for row in rows if row["method"] == model and key in row]
        aim = Aim(f"correspondence, median, mm: {model}")
        verdicts.append(aim.judge(float(np.mean(found)), f"mean of {len(found)} scans"))
    return verdicts


def make_synthetic_scans(
    template: Template, basis: SynthBasis, count: int
) -> Iterator[tuple[str, SyntheticScan]]:
    """Scans of heads that the template's own modes make, then of the database's heads."""
    for seed in range(count):
        yield f"template's model {seed}", synthetic(template, seed)
    for index in range(count):
        head = neutral_head(basis, draw_subject(TEST_SEED, index), parts=True).astype(np.float64)
        yield f"database {index}", synthetic(template, 100 + index, head=head)


def compare_models(
    template: Template,
    models: Mapping[str, LinearModel],
    made: Iterator[tuple[str, SyntheticScan]],
    real: Sequence[PreparedScan],
    say: Say,
) -> Rows:
    """A row a scan and model: correspondence on synthetic scans, distances both ways on real ones (mm)."""
    templates = {name: replace(template, people=model) for name, model in models.items()}
    rows: Rows = []
    for name, scan in made:
        for model, used in templates.items():
            say(f"{name}, {model}")
            rows.append({"scan": name, "method": model, **_compare_to_truth(used, scan)})
    for prepared in real:
        for model, used in templates.items():
            say(f"{prepared.scan.name}, {model}")
            settled, found = register_and_settle(used, prepared)
            numbers = measure_registration(used, found, settled)
            rows.append({"scan": prepared.scan.name, "method": model, **numbers})
    return rows


def _compare_to_truth(template: Template, scan: SyntheticScan) -> dict[str, float]:
    """Correspondence after the whole fit, and its median after the linear one (mm)."""
    found = register(template, scan.prepared)
    linear = replace(found, vertices=found.linear)
    numbers = measure_correspondence(template, found, scan)
    start = measure_correspondence(template, linear, scan)["correspondence_median_mm"]
    return {k: v for k, v in numbers.items() if "measured" not in k} | {"linear_median_mm": start}
