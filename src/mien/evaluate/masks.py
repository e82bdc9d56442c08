"""`mien evaluate masks`: the face under a beard, with a mask, with the automatic guess, and with neither."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.core.face import PreparedScan, Template
from mien.register.run import register
from mien.synth.scans.beards import Bearded, bearded, error_under
from mien.synth.scans.synthetic_scan import synthetic
from mien.template.load import load_template

SEEDS = 3

Rows = list[dict[str, object]]


def evaluate_masks() -> Rows:
    """Distance under a beard of 8 mm to the true face (mm), for synthetic heads with and without colour."""
    template = load_template()
    rows: Rows = []
    for seed in range(SEEDS):
        made = synthetic(template, seed)
        for colour in (True, False):
            rows += _rows(template, bearded(template, made, seed, colour=colour), colour)
    return rows


def _rows(template: Template, case: Bearded, colour: bool) -> Rows:
    name = f"{case.made.prepared.scan.name}{'' if colour else ', no colour'}"
    ways = {"guess": case.made.prepared, "mask": case.masked, "followed": _all_white(case.made.prepared)}
    return [
        {"scan": name, "method": way, **error_under(template, register(template, prepared), case)}
        for way, prepared in ways.items()
    ]


def _all_white(prepared: PreparedScan) -> PreparedScan:
    """The same scan under a mask that says to follow all of it: hair taken for skin."""
    white = np.ones(len(prepared.scan.vertices))
    return replace(prepared, scan=replace(prepared.scan, vertex_mask=white))
