"""Registration with one linear identity model beside another: the same scans, the same measures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mien.core.face import LinearModel, PreparedScan, Template
from mien.evaluate.measures.registration import correspondence, measure_registration
from mien.register.run import register
from mien.register.unit import settle_unit
from mien.synth.identity.basis import SynthBasis
from mien.synth.identity.heads import neutral_head
from mien.synth.scans.synthetic_scan import SyntheticScan, synthetic
from mien.synth.subject import draw_subject

TEST_SEED = 900  # of the database's heads that are scanned: none of them made a model


def with_identity(template: Template, model: LinearModel) -> Template:
    """The template with another model of heads in its linear fit."""
    return replace(template, people=model)


def synthetic_scans(template: Template, basis: SynthBasis, count: int) -> Iterator[tuple[str, SyntheticScan]]:
    """Scans of heads that the template's own modes make, then of the database's heads."""
    for seed in range(count):
        yield f"template's model {seed}", synthetic(template, seed)
    for index in range(count):
        head = neutral_head(basis, draw_subject(TEST_SEED, index), parts=True).astype(np.float64)
        yield f"database {index}", synthetic(template, 100 + index, head=head)


def compare_identities(
    template: Template,
    models: Mapping[str, LinearModel],
    made: Iterator[tuple[str, SyntheticScan]],
    real: Sequence[PreparedScan],
    say: Callable[[str], None],
) -> list[dict[str, object]]:
    """A row per scan and model: correspondence on synthetic scans, the design's measure on real ones (mm)."""
    rows: list[dict[str, object]] = []
    templates = {name: with_identity(template, model) for name, model in models.items()}
    for name, scan in made:
        for model, used in templates.items():
            say(f"{name}, {model}")
            found = register(used, scan.prepared)
            linear = replace(found, vertices=found.linear)
            own: dict[str, object] = {"scan": name, "method": model}
            own |= {k: v for k, v in correspondence(used, found, scan).items() if "measured" not in k}
            own["linear_median_mm"] = correspondence(used, linear, scan)["correspondence_median_mm"]
            rows.append(own)
    for prepared in real:
        for model, used in templates.items():
            say(f"{prepared.scan.name}, {model}")
            settled, found = settle_unit(used, prepared, register(used, prepared))
            rows.append(
                {"scan": prepared.scan.name, "method": model, **measure_registration(used, found, settled)}
            )
    return rows
