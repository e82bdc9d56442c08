"""The face under a beard: with a mask, with the automatic guess, and with the beard followed as if skin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mien.core.face import PreparedScan, Template
from mien.evaluate.measures.aims import Aim, Verdict
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.register.run import register
from mien.synth.scans.beards import Bearded, bearded, error_under
from mien.synth.scans.synthetic_scan import synthetic
from mien.template.load import load_template

HEADS = 3


@dataclass(frozen=True, kw_only=True)
class EvaluateMasks(Evaluation):
    """Grows a beard of 8 mm on synthetic heads, with and without colour, and measures how far the registered
    face lies from the true one beneath: with the true mask, with the automatic guess, and with a mask that
    says to follow the beard."""

    def measure(self, say: Say) -> Findings:
        """A row a head and way."""
        template = load_template()
        rows: Rows = []
        for seed in range(HEADS):
            made = synthetic(template, seed)
            for colour in (True, False):
                say(f"head {seed + 1} of {HEADS}, {'with' if colour else 'without'} colour")
                rows += _measure_ways(template, bearded(template, made, seed, colour=colour), colour)
        return Findings({"masks": rows}, _report(rows))


def _measure_ways(template: Template, case: Bearded, colour: bool) -> Rows:
    name = f"{case.made.prepared.scan.name}{'' if colour else ', no colour'}"
    ways = {"guess": case.made.prepared, "mask": case.masked, "followed": _all_white(case.made.prepared)}
    return [
        {"scan": name, "method": way, **error_under(template, register(template, prepared), case)}
        for way, prepared in ways.items()
    ]


def _all_white(prepared: PreparedScan) -> PreparedScan:
    """The same scan under a mask that says to follow all of it: hair is taken for skin."""
    white = np.ones(len(prepared.scan.vertices))
    return replace(prepared, scan=replace(prepared.scan, vertex_mask=white))


def _report(rows: Rows) -> tuple[Verdict, ...]:
    """The mean over the heads for each way; nothing is aimed at."""
    ways = dict.fromkeys(str(row["method"]) for row in rows)
    found = {
        way: [float(str(row["under_beard_median_mm"])) for row in rows if row["method"] == way]
        for way in ways
    }
    return tuple(
        Aim(f"under a beard, median, mm: {way}").judge(float(np.mean(values)), f"mean of {len(values)}")
        for way, values in found.items()
    )
