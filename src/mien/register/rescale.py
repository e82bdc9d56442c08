"""The size of a scan that has no unit, once the whole head is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.anatomy.parts import place_parts
from mien.core.face import PreparedScan, Registration, Template


def settle_unit(
    template: Template, prepared: PreparedScan, registration: Registration
) -> tuple[PreparedScan, Registration]:
    """Scales a scan without a unit, and its registration, so that the head has the mean head's size.

    Two eye corners, all that the first guess has, are 3 mm out of 37 on closed lids: a tenth of the whole
    head, and eyeballs of 24 mm would then be too small for it. The linear fit's scale rests on all of the
    surface. Eyes and teeth, which have sizes of their own, are placed anew. With a known unit both come back
    as they are.
    """
    if prepared.unit_known:
        return prepared, registration
    factor = 1.0 / registration.report["scale"]
    shrink = np.diag([factor, factor, factor, 1.0])
    scan = replace(prepared.scan, vertices=prepared.scan.vertices * factor)
    report = {
        key: value * factor if key.endswith("_mm") else value for key, value in registration.report.items()
    }
    return (
        replace(
            prepared,
            scan=scan,
            transform=shrink @ prepared.transform,
            landmarks=prepared.landmarks * factor,
            found=_scaled(prepared.found, factor),
            unit_note=prepared.unit_note.split(": scaled")[0] + ": scaled to the mean head's size",
        ),
        replace(
            registration,
            vertices=place_parts(template, registration.vertices * factor),
            linear=registration.linear * factor,
            distance_mm=registration.distance_mm * factor,
            expected_error_mm=_scaled(registration.expected_error_mm, factor),
            expected_slip_mm=_scaled(registration.expected_slip_mm, factor),
            report=report | {"scale": 1.0},
        ),
    )


def _scaled(values: np.ndarray | None, factor: float) -> np.ndarray | None:
    return None if values is None else values * factor
