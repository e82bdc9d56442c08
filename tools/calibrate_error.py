"""Fits `src/mien/assets/expected_error.json`: python -m tools.calibrate_error [--scans 24] [--held-out 12].

About fifteen seconds a scan. Run it again whenever the registration changes.
"""

from __future__ import annotations

from pathlib import Path

import tyro

from mien.evaluate.measures.expected_error import (
    FITTED_SEED,
    HELD_OUT_SEED,
    fit_error_model,
    register_samples,
)
from mien.register.error_model import ASSET, TARGETS, write_error_model
from mien.template.load import load_template


def main(scans: int = 24, held_out: int = 12, out: Path = ASSET) -> None:
    """Registers `scans` synthetic scans to fit on and `held_out` others to test on."""
    template = load_template()
    training = list(register_samples(template, range(FITTED_SEED, FITTED_SEED + scans), print))
    testing = list(register_samples(template, range(HELD_OUT_SEED, HELD_OUT_SEED + held_out), print))
    model = fit_error_model(training, testing)
    write_error_model(out, model)
    for target in TARGETS:
        print(target, model.provenance[target])


if __name__ == "__main__":
    tyro.cli(main)
