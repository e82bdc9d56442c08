"""`mien evaluate database --scans ...`: registration with the database's linear model beside the older."""

from __future__ import annotations

from collections.abc import Callable

from mien.evaluate.measures.identity_models import compare_identities, synthetic_scans
from mien.evaluate.registration import RealScan
from mien.meshio.load import load_scan
from mien.scan.clean import clean_scan
from mien.scan.prepare import prepare_scan
from mien.synth.identity.basis import load_basis
from mien.template.load import load_template

SYNTHETIC = 3

Rows = list[dict[str, object]]


def evaluate_identity(scans: list[RealScan], say: Callable[[str], None], count: int = SYNTHETIC) -> Rows:
    """A row per scan and model (mm): of the template's own modes, of database heads, and the given scans."""
    basis, template = load_basis(), load_template()
    models = {
        f"template, {len(template.identity.modes)} modes": template.identity,
        f"database, {len(template.fitted.modes)} modes": template.fitted,
    }
    real = [prepare_scan(clean_scan(load_scan(scan.path, scan.albedo))) for scan in scans]
    return compare_identities(template, models, synthetic_scans(template, basis, count), real, say)
