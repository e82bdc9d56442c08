"""`mien bench`: Mien's registration beside trimesh's, under the same conditions."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.core.face import PreparedScan, Registration, Template
from mien.evaluate.measures.evaluation import Rows
from mien.evaluate.measures.given_scans import RealScan, prepare_real
from mien.evaluate.measures.registration_accuracy import measure_registration
from mien.register.run import LinearFit, judged, linear_fit, nonrigid_fit
from mien.synth.scans.synthetic_scan import synthetic
from mien.template.load import load_template

METHODS = ("mien", "trimesh nricp_amberg", "trimesh nricp_sumner")


def bench_scans(scans: list[RealScan]) -> Rows:
    """A row a scan and method; on a synthetic scan where none is given."""
    template = load_template()
    prepared = {scan.path.name: prepare_real(scan) for scan in scans}
    if not prepared:
        made = synthetic(template, 0).prepared
        prepared = {made.scan.name: made}
    return [
        {"scan": name, **row}
        for name, one in prepared.items()
        for row in bench_against_trimesh(template, one)
    ]


def bench_against_trimesh(
    template: Template,
    prepared: PreparedScan,
    methods: tuple[str, ...] = METHODS,
    progress: Callable[[str], None] | None = None,
) -> list[dict[str, float | str]]:
    """One row a method: accuracy in both directions, flips, stretch, seconds of the non-rigid part.

    All start from the same linear fit of the same skin and get the same inner landmarks and the same
    cropped scan; what counts as measured is judged by the same rule. trimesh runs with its default
    settings. The row "linear fit" is the common start.
    """
    say = progress or (lambda _: None)
    fit = linear_fit(template, prepared, say)
    rows = [_row("linear fit", template, prepared, fit, fit.start, 0.0)]
    for method in methods:
        say(method)
        started = time.perf_counter()
        fitted = _fit(method, template, fit)
        rows.append(_row(method, template, prepared, fit, fitted, time.perf_counter() - started))
    return rows


def _fit(method: str, template: Template, fit: LinearFit) -> Float[np.ndarray, "S 3"]:
    pull = fit.pull
    if method == "mien":
        return nonrigid_fit(template, fit, lambda _: None)
    _require_rtree()
    from trimesh import Trimesh, registration

    solvers: dict[str, Callable[..., np.ndarray]] = {
        "trimesh nricp_amberg": registration.nricp_amberg,
        "trimesh nricp_sumner": registration.nricp_sumner,
    }
    source = Trimesh(fit.start, fit.skin.triangles, process=False)
    target = Trimesh(fit.surface.vertices, fit.surface.triangles, process=False)
    used = pull.weight > 0
    landmarks = (pull.triangle[used], pull.barycentric[used])
    fitted = solvers[method](source, target, source_landmarks=landmarks, target_positions=pull.target[used])
    return np.asarray(fitted, dtype=np.float64)


def _require_rtree() -> None:
    """trimesh finds closest points on faces by rtree, which it does not install by itself."""
    if importlib.util.find_spec("rtree") is None:
        raise MienError("trimesh's registration needs rtree, which is not installed; pip install rtree")


def _row(
    method: str,
    template: Template,
    prepared: PreparedScan,
    fit: LinearFit,
    fitted: np.ndarray,
    seconds: float,
) -> dict[str, float | str]:
    registration: Registration = judged(template, prepared, fit, fitted)
    return {"method": method, "seconds": seconds, **measure_registration(template, registration, prepared)}
