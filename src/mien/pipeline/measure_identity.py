"""`mien evaluate database --scans ...`: registration with the database's linear model beside the shipped."""

from __future__ import annotations

from collections.abc import Callable

from mien.data.basis import load_basis
from mien.data.freeze import SEED, split_indices
from mien.data.linear_model import database_skins, fit_pca, identity_about, importance
from mien.data.subject import draw_subject
from mien.evaluate.identity_models import compare_identities, synthetic_scans
from mien.pipeline.measure import RealScan
from mien.scan import clean_scan, load_scan, prepare_scan
from mien.template.load import load_template

FITTED, MODES, SYNTHETIC = 2_000, 100, 3

Rows = list[dict[str, object]]


def evaluate_identity(
    scans: list[RealScan], say: Callable[[str], None], *, fitted: int = FITTED, count: int = SYNTHETIC
) -> Rows:
    """A row per scan and model (mm): of the template's own modes, of database heads, and the given scans."""
    basis, template = load_basis(), load_template()
    people = [draw_subject(SEED, index) for index in split_indices("train")[:fitted]]
    say(f"{fitted} heads of the training split")
    skins = database_skins(basis, people, template)
    model = fit_pca(skins, importance(template, basis.mean.astype(float)), MODES)
    models = {
        f"template, {len(template.identity.modes)} modes": template.identity,
        f"database, {MODES} modes": identity_about(model, template),
    }
    real = [prepare_scan(clean_scan(load_scan(scan.path, scan.albedo))) for scan in scans]
    return compare_identities(template, models, synthetic_scans(template, basis, count), real, say)
