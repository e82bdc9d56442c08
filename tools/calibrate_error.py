"""Fits how far registered heads are off: python -m tools.calibrate_error --out FILE [--scans 24].

Half a minute of processor time a scan. Run it again whenever the registration changes:
`python -m tools.build_assets expected_error`.
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
from mien.register.error_model import TARGETS, write_error_model
from mien.template.load import load_template


def main(out: Path, scans: int = 24, held_out: int = 12) -> None:
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
