"""Scans that the user gives to measure on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration, Template
from mien.evaluate.measures.evaluation import Evaluation
from mien.meshio.load import load_scan
from mien.register.rescale import settle_unit
from mien.register.run import register
from mien.scan.clean import clean_scan
from mien.scan.prepare import prepare_scan


@dataclass(frozen=True)
class RealScan:
    """A scan to measure on, with its colour and, where somebody placed them, true landmarks."""

    path: Path
    albedo: Path | None = None
    true_landmarks: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ScanEvaluation(Evaluation):
    """Options of a subcommand that measures on the user's scans."""

    scans: tuple[Path, ...] = ()
    """Your scans, to be measured too."""
    albedo: tuple[Path, ...] = ()
    """Their colour textures, in the same order."""


def pair_scans(
    paths: tuple[Path, ...], albedos: tuple[Path, ...], landmarks: tuple[Path, ...] = ()
) -> list[RealScan]:
    """Each scan with the albedo and the landmark file at the same place in their lists.

    Raises `MienError` where there are more of these than scans.
    """
    if max(len(albedos), len(landmarks)) > len(paths):
        raise MienError(
            f"{len(paths)} scans, {len(albedos)} albedos and {len(landmarks)} landmark files, expected "
            "no more of these than scans; give them in the scans' order"
        )
    return [RealScan(*row) for row in zip_longest(paths, albedos, landmarks)]


def prepare_real(scan: RealScan) -> PreparedScan:
    """Reads and cleans a scan and finds its face."""
    return prepare_scan(clean_scan(load_scan(scan.path, scan.albedo)))


def register_and_settle(template: Template, prepared: PreparedScan) -> tuple[PreparedScan, Registration]:
    """Registers a scan, and settles its unit where nothing says what it is."""
    return settle_unit(template, prepared, register(template, prepared))
