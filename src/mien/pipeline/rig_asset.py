"""What the stages of `mien rig` made, as one asset with where it is from and how good it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mien.core.conventions import SHAPE_NAMES
from mien.core.face import PreparedScan, Registration, Template
from mien.core.mesh import Image
from mien.core.version import __version__
from mien.pipeline.rig_options import RigOptions
from mien.rigging.head import RiggedHead
from mien.rigging.quality import rig_quality
from mien.rigging.rig import Rig

# The scan as its unit was settled, and the template on it.
Fitted = tuple[PreparedScan, Registration]
# By name; the face tile's confidence; where the skin's colour and the eyes' are from.
Maps = tuple[dict[str, Image], Image | None, str, str]


def asset_of(
    template: Template, fitted: Fitted, face_rig: Rig, maps: Maps, options: RigOptions, name: str
) -> RiggedHead:
    """The asset with its measured quality."""
    (prepared, registration), (images, confidence, *colours) = fitted, maps
    asset = RiggedHead(
        name=name,
        template=template,
        rig=face_rig,
        maps=images,
        confidence=confidence,
        scan=prepared,
        registration=registration,
        provenance=_provenance(prepared, options, colours),
    )
    return replace(asset, quality=_quality(asset))


def _provenance(prepared: PreparedScan, options: RigOptions, colours: list[str]) -> dict[str, object]:
    return {
        "mien": __version__,
        "scan_sha256": prepared.scan.sha256,
        "scan_unit": prepared.unit_note,
        "colour": colours[0],
        "eyes": colours[1],
        "options": {
            "iris": options.iris or "as in the scan",
            "keep_expression": options.keep_expression,
            "landmarks": "given" if options.landmarks else "detected",
            "mask": "given" if options.mask else "guessed",
            "people": "given" if options.people else "shipped",
            "resolution": options.resolution,
            "units": options.units,
        },
    }


def _quality(asset: RiggedHead) -> dict[str, object]:
    assert asset.registration is not None
    taken_out = {
        name: round(float(weight), 3)
        for name, weight in zip(SHAPE_NAMES, asset.registration.expression, strict=True)
        if weight > 0.02
    }
    return {
        "registration_mm": {
            key: _rounded(value)
            for key, value in asset.registration.report.items()
            if not key.startswith("seconds_")
        },
        "expression_in_scan": taken_out,
        "rig_mm": {key: _rounded(value) for key, value in rig_quality(asset.template, asset.rig).items()},
    }


def _rounded(value: float) -> float:
    return float(np.round(value, 4))
