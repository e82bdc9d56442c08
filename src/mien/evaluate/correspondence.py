"""`mien evaluate registration --expressions`, `--ict`: expressions taken out, same places on everybody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mien.evaluate.measures.consistency import places_on_template, read_ict_people, spread
from mien.evaluate.measures.expression_removal import STRONG, posed_scan, removal, weights_in_words
from mien.register.run import register
from mien.template.load import load_template

Rows = list[dict[str, object]]
HEADS = 2
PEOPLE = 8


def evaluate_expressions(say: Callable[[str], None]) -> Rows:
    """Strong expressions on synthetic heads: weights found, error of the neutral before and after (mm)."""
    template = load_template()
    rows: Rows = []
    for name in STRONG:
        found = []
        for seed in range(HEADS):
            say(f"{name}, head {seed + 1} of {HEADS}")
            made = posed_scan(template, name, seed)
            fitted = register(template, made.prepared)
            found.append((removal(template, fitted, made), fitted.expression))
        numbers = {key: float(np.mean([row[key] for row, _ in found])) for key in found[0][0]}
        words = weights_in_words(np.mean([weights for _, weights in found], axis=0))
        rows.append(
            {"scan": name, "true": weights_in_words(made.expression), "found (mean)": words, **numbers}
        )
    return rows


def evaluate_consistency(folder: Path, say: Callable[[str], None]) -> Rows:
    """ICT-FaceKit's people registered: how far its vertices wander on the template, after each fit (mm)."""
    template = load_template()
    people = read_ict_people(folder)
    linear, fitted = [], []
    for seed in range(PEOPLE):
        say(f"person {seed + 1} of {PEOPLE}")
        scan = people.person(seed)
        found = register(template, scan)
        fitted.append(places_on_template(template, found.vertices, scan.scan.vertices))
        linear.append(places_on_template(template, found.linear, scan.scan.vertices))
    return [
        {"scan": f"{PEOPLE} people of ICT-FaceKit", "method": method, **spread(template, np.array(places))}
        for method, places in (("linear fit", linear), ("registered", fitted))
    ]
