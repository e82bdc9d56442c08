"""Eyes that are holes: found as such, their outline followed, nothing taken out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.register.closed_eyes import closed_eyes
from mien.register.fitted_skin import template_skin
from mien.register.nonrigid import LandmarkPull
from mien.register.run import register
from mien.register.scan_surface import scan_surface
from mien.register.sockets import EYES, STRENGTH, Socket, empty_sockets, trusted_to_the_edge, with_margins
from mien.scan.clean import select_faces
from mien.synth.scans.synthetic_scan import Recipe, synthetic
from mien.template.load import load_template

HEIGHT, WIDTH = 0.0045, 0.0135  # half axes of the hole that is cut, metres
SKIN = np.array([0.8, 0.6, 0.5])


@pytest.fixture(scope="module")
def template():
    return load_template()


def sheet(depth=lambda x, y: 0.0 * x) -> tuple[np.ndarray, np.ndarray]:
    """A square of 8 cm facing +Z, vertices 0.5 mm apart, depth (toward -Z) given."""
    n = 161
    x, y = np.meshgrid(np.linspace(-0.04, 0.04, n), np.linspace(-0.04, 0.04, n))
    i = np.arange(n * n).reshape(n, n)[:-1, :-1].ravel()
    triangles = np.concatenate([np.stack([i, i + 1, i + n + 1], 1), np.stack([i, i + n + 1, i + n], 1)])
    return np.stack([x.ravel(), y.ravel(), -depth(x, y).ravel()], 1), triangles


def eye_points(x: float) -> np.ndarray:
    """The six landmarks of an almond of the hole's size about (x, 0, 0)."""
    angle = np.radians([180, 120, 60, 0, -60, -120])
    return np.c_[x + WIDTH * np.cos(angle), HEIGHT * np.sin(angle), np.zeros(6)]


def prepared_eye(vertices, triangles, keep=None, confidence: float = 1.0, colours=None) -> PreparedScan:
    scan = Scan("eye", vertices, triangles, vertex_colours=colours)
    if keep is not None:
        scan = select_faces(scan, keep)
    landmarks = np.full((68, 3), 0.02)
    landmarks[EYES["left"]] = eye_points(0.0)
    seen = np.zeros(68)
    seen[EYES["left"]] = confidence
    return PreparedScan(scan, np.eye(4), landmarks, seen, "", True)


def in_hole(points: np.ndarray, share: float = 1.0) -> np.ndarray:
    return (points[:, 0] / WIDTH) ** 2 + (points[:, 1] / HEIGHT) ** 2 < share**2


def surface_of(prepared: PreparedScan):
    return scan_surface(prepared.scan, prepared.scan.vertices, 0.01, np.zeros(3))


def found(prepared: PreparedScan) -> dict[str, Socket]:
    return empty_sockets(surface_of(prepared), prepared)


def on_ellipse(line: np.ndarray) -> float:
    angle = np.linspace(0, 2 * np.pi, 4000)
    ellipse = np.c_[WIDTH * np.cos(angle), HEIGHT * np.sin(angle), np.zeros(4000)]
    return float(cKDTree(ellipse).query(line)[0].max())


def test_a_hole_is_an_empty_eye_and_its_outline_is_found():
    vertices, triangles = sheet()
    socket = found(prepared_eye(vertices, triangles, ~in_hole(vertices[triangles].mean(axis=1))))["left"]
    assert on_ellipse(np.r_[socket.upper, socket.lower]) < 0.0009
    assert socket.upper[:, 1].mean() > 0.002 > -0.002 > socket.lower[:, 1].mean()
    for line in (socket.upper, socket.lower):
        np.testing.assert_allclose(line[[0, -1], 0], [-WIDTH, WIDTH], atol=0.0012)


def test_a_hollow_without_an_edge_is_one_too():
    def hollow(x, y):
        inside = (x / WIDTH) ** 2 + (y / HEIGHT) ** 2
        return 0.015 * (inside < 1.0)

    socket = found(prepared_eye(*sheet(hollow)))["left"]
    assert on_ellipse(np.r_[socket.upper, socket.lower]) < 0.0009


@pytest.mark.parametrize("what", ["lid", "ball", "glint", "half a mask", "unseen"])
def test_what_is_no_empty_eye(what):
    vertices, triangles = sheet(
        (lambda x, y: 0.002 * ((x / WIDTH) ** 2 + (y / HEIGHT) ** 2 < 1))
        if what == "ball"
        else lambda x, y: 0 * x
    )
    middle = vertices[triangles].mean(axis=1)
    keep = np.ones(len(triangles), bool)
    if what == "glint":
        keep = ~in_hole(middle * [2.0, 1.2, 1.0])
    if what in ("half a mask", "unseen"):
        keep = ~in_hole(middle) & ((middle[:, 1] < 0) | (what == "unseen"))
    prepared = prepared_eye(vertices, triangles, keep, confidence=0.0 if what == "unseen" else 1.0)
    assert found(prepared) == {}


def test_an_empty_eye_is_open_though_skin_is_all_round_it():
    vertices, triangles = sheet()
    hole = in_hole(vertices[triangles].mean(axis=1))
    colours = np.tile(SKIN, (len(vertices), 1))
    prepared = prepared_eye(vertices, triangles, ~hole, colours=colours)
    surface = replace(surface_of(prepared), skinlike=np.ones(len(surface_of(prepared).vertices)))
    assert closed_eyes(surface, prepared)[0] == 1.0  # by colour alone
    assert closed_eyes(surface, prepared, empty_sockets(surface, prepared))[0] == 0.0


def test_the_scan_is_believed_up_to_the_hole_but_not_up_to_its_own_end():
    vertices, triangles = sheet()
    surface = surface_of(
        prepared := prepared_eye(vertices, triangles, ~in_hole(vertices[triangles].mean(axis=1)))
    )
    trusted = trusted_to_the_edge(surface, empty_sockets(surface, prepared))
    x, y = np.abs(surface.vertices[:, :2]).T
    beside = (x < WIDTH) & (y < HEIGHT + 0.002)
    assert surface.trust[beside].min() == 0.0
    assert trusted.trust[beside].min() > 0.95
    rim = np.maximum(x, y) > 0.0395
    assert trusted.trust[rim].max() < 0.1
    assert trusted_to_the_edge(surface, {}) is surface


def test_margins_are_drawn_to_the_outline_corner_to_corner(template):
    skin = template_skin(template)
    line = np.linspace([0.02, 0.0, 0.0], [0.05, 0.0, 0.0], 50)
    socket = Socket(line + [0, 0.004, 0], line - [0, 0.004, 0])
    none = LandmarkPull(np.zeros(0, int), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(0))
    pull = with_margins(template, skin, none, {"left": socket})
    assert pull.lasting is not None
    assert (pull.lasting == STRENGTH).all()
    pulled = np.einsum("lk,lkd->ld", pull.barycentric, skin.rest[skin.triangles[pull.triangle]])
    loops = [template.vertices[template.loops[f"lid_{lid}_left"]] for lid in ("upper", "lower")]
    assert len(pulled) == sum(map(len, loops))
    assert cKDTree(np.concatenate(loops)).query(pulled)[0].max() < 1e-9
    upper = pull.target[: len(loops[0]), 0]
    assert (np.diff(upper) > 1e-5).all()  # no two of them to one place
    np.testing.assert_allclose(upper[[0, -1]], [0.02, 0.05])


@pytest.mark.slow
def test_a_head_without_eyes_keeps_its_lids(template):
    """Its lids come to lie where the head's own margins are, and no blink is found in it."""
    made = synthetic(template, 3, Recipe(triangles=60_000, holes=0, clutter=0, expression=0.0))
    registration = register(template, made.prepared)
    assert registration.expression.max() < 0.1
    surface = scan_surface(made.prepared.scan, made.truth, 0.03, made.prepared.landmarks[27:].mean(axis=0))
    assert set(empty_sockets(surface, made.prepared)) == {"left", "right"}
    for side in EYES:
        for lid in ("upper", "lower"):
            loop = template.loops[f"lid_{lid}_{side}"]
            off = cKDTree(made.truth[loop]).query(registration.vertices[loop])[0]
            assert np.percentile(off, 90) < 0.0012
