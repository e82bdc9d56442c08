"""Contact of lids and lips: closed forms of the constraint, and laws that both ways to enforce it keep."""

from __future__ import annotations

import numpy as np
import pytest

from mien.anatomy.contact import worst
from mien.anatomy.contact.exact_lids import ExactLids
from mien.anatomy.contact.exact_lips import REACH, ExactLips, LipPatch
from mien.anatomy.contact.lids import MARGIN_GAP, Closing, LidMargins, signed_gap
from mien.anatomy.contact.linear_lids import template_plate
from mien.anatomy.contact.lips import LIP_GAP, LipMargins, TemplateLips
from mien.anatomy.contact.seam import Seam
from mien.anatomy.eyeball import SCLERA_RADIUS, SIDES, Eyeball
from mien.anatomy.gaze import gaze_rotation, look_rotation
from mien.anatomy.parts import placed_eyeball
from mien.anatomy.skin_mesh import skin_mesh
from mien.core.conventions import SHAPE_INDEX, mirrored_shape, shape_weights
from mien.core.face import Template
from mien.core.mesh import split_quads
from mien.geometry.polyline import nearest_on
from mien.rigging import quality
from mien.rigging.rig import Rig
from mien.synth.expression.maker import expression_maker
from mien.synth.identity.basis import load_basis
from mien.synth.subject import draw_subject
from mien.template.load import load_template

FLIP = np.array([-1.0, 1.0, 1.0])
BACKWARD = np.diag([-1.0, 1.0, -1.0])  # a ball that looks away: in front of it there is no cornea
SPHERE = 4e-6  # metres by which the back of an eyeball is no sphere

# ------------------------------------------------------------------ closed forms: the ball and the seam


@pytest.fixture
def ball() -> Eyeball:
    return Eyeball(np.array([0.03, 0.02, 0.01]), SCLERA_RADIUS, BACKWARD)


def directions(count: int) -> np.ndarray:
    away = np.random.default_rng(0).normal(size=(count, 3)) + [0.0, 0.0, 3.0]
    return away / np.linalg.norm(away, axis=1, keepdims=True)


def test_clearance_of_a_sphere_is_the_distance_from_its_centre_less_its_radius(ball):
    distance = np.linspace(0.9, 1.4, 40) * SCLERA_RADIUS
    points = ball.centre + distance[:, None] * directions(40)
    np.testing.assert_allclose(ball.clearance(points), distance - SCLERA_RADIUS, atol=SPHERE)


def test_points_are_moved_along_their_rays_and_only_those_that_must(ball):
    rays = directions(60)
    points = ball.centre + np.linspace(0.9, 1.4, 60)[:, None] * SCLERA_RADIUS * rays
    moved = ball.between(points, 0.1e-3, 2e-3)
    np.testing.assert_allclose(
        ball.clearance(moved), np.clip(ball.clearance(points), 0.1e-3, 2e-3), atol=1e-9
    )
    np.testing.assert_allclose(np.cross(moved - ball.centre, rays), 0.0, atol=1e-12)
    kept = (ball.clearance(points) > 0.1e-3) & (ball.clearance(points) < 2e-3)
    assert 0 < kept.sum() < 60
    np.testing.assert_array_equal(moved[kept], points[kept])
    np.testing.assert_allclose(ball.clearance(ball.at_clearance(points, np.full(60, 1e-3))), 1e-3, atol=1e-9)


def test_a_cornea_that_turns_away_leaves_room(ball):
    ahead = ball.centre + np.array([[0.0, 0.0, SCLERA_RADIUS + 1.2e-3]])
    over_cornea, over_sclera = ball.clearance(ahead, np.array([0.0, 0.0, 1.0])), ball.clearance(ahead)
    assert over_cornea[0] < 0.2e-3
    assert over_sclera[0] == pytest.approx(1.2e-3, abs=SPHERE)


def two_lines(opening: float, upper: int = 21, lower: int = 13) -> tuple[Seam, np.ndarray]:
    """Straight lines over each other between shared corners, `opening` metres apart off these."""
    x = [np.linspace(-0.02, 0.02, count) for count in (upper, lower)]
    high, low = (np.stack([k, np.zeros_like(k), np.zeros_like(k)], axis=1) for k in x)
    high[1:-1, 1] = opening
    points = np.concatenate([high, low[1:-1]])
    under = np.concatenate([[0], np.arange(upper, upper + lower - 2), [upper - 1]])
    return Seam.paired(np.arange(upper), under, points), points


@pytest.mark.parametrize("opening", [3e-3, 0.0, -1e-3])
def test_a_seam_of_parallel_lines_is_open_by_their_distance(opening):
    seam, points = two_lines(opening)
    np.testing.assert_allclose(seam.opening(points)[1:-1], opening, atol=1e-15)
    np.testing.assert_allclose(seam.height(points)[1:-1], opening, atol=1e-15)
    assert seam.opening(points)[0] == 0.0


def test_a_seam_keeps_the_pairs_that_it_had_at_rest():
    seam, points = two_lines(0.0)
    slid = points.copy()
    slid[seam.upper[1:-1], 0] += 1e-3
    slid[seam.lower[1:-1], 1] = 10.0 * (points[seam.lower[1:-1], 0] + 0.02)  # a slope
    at_rest, anew = seam.opening(slid)[5:-5], seam.height(slid)[5:-5]
    np.testing.assert_allclose(at_rest - anew, 10.0 * 1e-3, atol=1e-9)


@pytest.mark.parametrize("height", [2e-3, -0.4e-3])
def test_the_gap_of_planar_lids_is_their_height_however_they_are_sampled(ball, height):
    """Lines on the plane that touches the ball in front, the lower one through that point."""
    front = ball.centre + [0.0, 0.0, SCLERA_RADIUS]
    upper = front + np.stack([np.linspace(-5e-3, 5e-3, 17), np.full(17, height), np.zeros(17)], axis=1)
    for count in (2, 9, 40):
        x = np.linspace(-9e-3, 9e-3, count)
        lower = front + np.stack([x, np.zeros(count), np.zeros(count)], axis=1)
        np.testing.assert_allclose(signed_gap(upper, lower, ball), height, atol=1e-12)
        np.testing.assert_allclose(signed_gap(upper[::-1], lower[::-1], ball), height, atol=1e-12)


def lids_on_a_sphere(ball: Eyeball) -> tuple[LidMargins, np.ndarray]:
    """Margins a little off a sphere, 16 degrees open in the middle; front edges a little wider."""
    across = np.linspace(-1.0, 1.0, 25)
    loops, points = {}, []
    for kind, clearance, wide in (("lid", 0.9e-3, 0.62), ("lid_inner", 0.15e-3, 0.6)):
        for lid, sign in (("upper", 1.0), ("lower", -0.6)):
            side, up = wide * across, sign * 0.14 * np.cos(0.5 * np.pi * across) ** 2
            ray = np.stack([np.sin(side) * np.cos(up), np.sin(up), np.cos(side) * np.cos(up)], axis=1)
            first = 25 * len(points)
            loops[f"{kind}_{lid}_left"] = np.arange(first, first + 25)
            points.append(ball.centre + (SCLERA_RADIUS + clearance) * ray)
        loops[f"{kind}_lower_left"][[0, -1]] = loops[f"{kind}_upper_left"][[0, -1]]
    rest = np.concatenate(points)
    return LidMargins(loops, "left", rest), rest


def test_open_lids_on_a_sphere_shut_to_no_gap_and_keep_off_it(ball):
    margins, rest = lids_on_a_sphere(ball)
    held = rest[margins.held]
    open_gap = margins.gap(rest, ball)[11]
    assert open_gap == pytest.approx(0.14 * 1.6 * (SCLERA_RADIUS + 0.9e-3), rel=0.02)  # an arc, nearly
    goals = held.copy()
    margins.shut(goals, ball)
    shut = rest.copy()
    shut[margins.held] = goals
    assert np.abs(worst(margins.gap(shut, ball))).max() < 1e-3  # millimetres: chords of an arc
    assert margins.over_ball(shut, ball).min() >= MARGIN_GAP[0] - 1e-9
    assert margins.over_ball(rest, ball) == pytest.approx(0.15e-3, abs=SPHERE)
    half = rest + 0.5 * (shut - rest)
    assert worst(margins.gap(half, ball))[0] > 0.4e3 * open_gap  # the check can fail


def test_margins_slide_on_the_sphere_at_the_clearance_that_they_had(ball):
    margins, rest = lids_on_a_sphere(ball)
    held = rest[margins.held]
    down = np.tile([0.0, -2e-3, -1e-3], (len(held), 1))  # through the ball
    down[:5] = 0.0
    assert ball.clearance(held + down).min() < -0.3e-3
    goals = margins.sliding_goals(held, down, ball)
    np.testing.assert_allclose(ball.clearance(goals), ball.clearance(held), atol=1e-9)
    np.testing.assert_array_equal(goals[:5], held[:5])


def test_resting_margins_within_the_band_stay_and_others_are_brought_to_it(ball):
    margins, rest = lids_on_a_sphere(ball)
    held = rest[margins.held]
    assert np.abs(margins.resting_moves(held, ball)).max() < 1e-12
    for off, wanted in ((0.8e-3, MARGIN_GAP[1]), (-0.3e-3, MARGIN_GAP[0])):
        away = ball.at_clearance(rest, ball.clearance(rest) + off)
        margins_off = LidMargins(loops_of(margins), "left", away)
        settled = away.copy()
        settled[margins.held] += margins_off.resting_moves(away[margins.held], ball)
        np.testing.assert_allclose(margins_off.over_ball(settled, ball), wanted, atol=1e-9)


def loops_of(margins: LidMargins) -> dict[str, np.ndarray]:
    names = [f"{kind}_{lid}_left" for kind in ("lid", "lid_inner") for lid in ("upper", "lower")]
    return dict(zip(names, (*margins.front.lines, *margins.back.lines), strict=True))


@pytest.mark.parametrize(("left", "expected"), [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)])
def test_lids_close_by_the_share_that_the_templates_close(left, expected):
    """Wide open: as they came. Shut: exactly, whatever was left of their own opening."""
    seam, rest = two_lines(4e-3)
    closing = Closing.of(np.full(21, 2e-3 * left), np.full(21, 2e-3))
    assert closing.left == pytest.approx(left)
    goals = rest.copy()
    goals[seam.upper[1:-1], 1] = 4e-3 * max(left, 0.1)  # their own shape leaves a tenth
    closing.narrow(seam, goals, seam.height(rest))
    np.testing.assert_allclose(seam.height(goals)[2:-2], 4e-3 * expected, atol=0.4e-4)
    closing.join(seam, goals)
    if left == 0.0:
        foot, _ = nearest_on(goals[seam.upper], goals[seam.lower])
        assert np.abs(goals[seam.upper] - foot).max() < 1e-5


# ------------------------------------------------------------------ closed forms: sealing a known gap


def flat_lips() -> tuple[LipPatch, np.ndarray, np.ndarray]:
    """A flat sheet with a slit, its upper half's vertices and the slit's lower ones: 1 mm squares, a mouth
    20 mm wide."""
    wide, high, middle, first, last = 121, 91, 45, 50, 70
    y, x = np.mgrid[0:high, 0:wide]
    points = np.stack([x.ravel() - 60.0, y.ravel() - 45.0, np.zeros(x.size)], axis=1) * 1e-3
    number = np.arange(x.size).reshape(high, wide)
    slit = number[middle, first + 1 : last]
    below = np.arange(x.size, x.size + len(slit))
    lower = number[: middle + 1].copy()
    lower[middle, first + 1 : last] = below
    quads = [
        np.stack([g[:-1, :-1], g[:-1, 1:], g[1:, 1:], g[1:, :-1]], -1).reshape(-1, 4)
        for g in (lower, number[middle:])
    ]
    ends = number[middle, [first, last]]
    loops = {
        "lips_inner_upper": np.concatenate([ends[:1], slit, ends[1:]]),
        "lips_inner_lower": np.concatenate([ends[:1], below, ends[1:]]),
    }
    for name, row in (("upper", middle + 1), ("lower", middle - 1)):
        line = number[row, first : last + 1]
        loops[f"lips_front_{name}"] = np.concatenate([[ends[0] - 1], line, [ends[1] + 1]])
    rest = np.concatenate([points, points[slit]])
    upper = np.unique(number[middle + 1 :])
    return LipPatch(rest, split_quads(np.concatenate(quads)), loops), np.append(upper, slit), below


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_known_gap_is_sealed_and_each_lip_goes_its_share(share):
    patch, upper, below = flat_lips()
    jaw = np.zeros_like(patch.vertices)
    gap = 4e-3
    jaw[below, 1] = -gap
    assert patch.margins.opening(patch.vertices + jaw)[1:-1] == pytest.approx(gap)
    close = patch.meet(np.zeros_like(jaw), base=jaw, upper_share=share)
    opening = patch.margins.opening(patch.vertices + jaw + close)
    if share in (0.0, 1.0):  # both give: each goes its share of a way that is LIP_GAP short on either side
        np.testing.assert_allclose(opening[1:-1], LIP_GAP, atol=1e-12)
    assert np.abs(opening).max() < 2 * LIP_GAP
    np.testing.assert_allclose(close[upper[-5], 1], -share * (gap - LIP_GAP), atol=1e-12)
    np.testing.assert_allclose(close[below[-5], 1], (1 - share) * (gap - LIP_GAP), atol=1e-12)
    away = np.linalg.norm(patch.vertices[:, None] - patch.vertices[patch.margins.held], axis=2).min(axis=1)
    assert not close[away > REACH].any()
    assert close[away < 0.5 * REACH].any()


def test_lips_of_a_tilted_head_are_measured_along_their_own_up():
    patch, _, below = flat_lips()
    c, s = np.cos(0.5), np.sin(0.5)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    opened = patch.vertices.copy()
    opened[below, 1] -= 2e-3
    turned = opened @ turn.T
    assert patch.margins.opening(turned)[1:-1] == pytest.approx(2e-3)
    assert (turned[patch.margins.inner.upper] - turned[patch.margins.inner.lower])[5, 1] < 1.8e-3
    assert patch.margins.closed(patch.vertices @ turn.T)
    assert not patch.margins.closed(turned)


def test_crossed_lips_part_to_meeting_and_others_come_back_as_they_are():
    patch, _, below = flat_lips()
    offsets = np.zeros_like(patch.vertices)
    offsets[below[5:9], 1] = 1e-3
    assert patch.margins.opening(patch.vertices + offsets).min() == pytest.approx(-1e-3)
    parted = patch.margins.opening(patch.vertices + patch.part(offsets))
    assert parted.min() >= -1e-9
    assert parted[6:10].max() < 0.2e-3
    offsets[below, 1] = -1e-3
    assert patch.part(offsets) is offsets
    assert not patch.settle().any()


# ------------------------------------------------------------------ laws that both kinds of contact keep

KINDS = ("exact", "linear")


@pytest.fixture(scope="module")
def maker():
    return expression_maker(load_basis())


@pytest.fixture(scope="module")
def heads(maker):
    return [maker.heads.head(draw_subject(31, index)) for index in (0, 1)]


def lids_of(kind, maker, rest, ball, side):
    if kind == "linear":
        return maker.heads.seat.lids[side].on(rest, ball)
    skin = skin_mesh(maker.template)
    return ExactLids(rest, skin.triangles, maker.template.loops, side, ball, skin.outer)


def lips_of(kind, maker, rest):
    if kind == "linear":
        return maker.lips.on(rest)
    triangles = skin_mesh(maker.template).triangles
    return ExactLips(LipPatch(rest, triangles, maker.template.loops), TemplateLips(maker.template))


@pytest.fixture(scope="module")
def contacts(maker, heads):
    """Lids of both sides and lips of each head, of both kinds, and the head at rest."""
    out = {}
    for kind in KINDS:
        for number, head in enumerate(heads):
            rest = head.skin.astype(np.float64)
            lids = {side: lids_of(kind, maker, rest, head.eyes[side], side) for side in SIDES}
            out[kind, number] = (rest, lids, lips_of(kind, maker, rest))
    return out


def plain(template: Template, count: int, *names: str) -> tuple[np.ndarray, np.ndarray]:
    """The template's own offsets of some shapes together, which no other head's lids or lips fit; weights."""
    weights = shape_weights(dict.fromkeys(names, 1.0))
    return np.tensordot(weights, template.shapes[:, :count], axes=1), weights


@pytest.mark.parametrize("kind", KINDS)
def test_what_touches_nothing_comes_back_as_it_is(kind, contacts, maker):
    rest, lids, lips = contacts[kind, 1]
    still, none = np.zeros_like(rest), np.zeros(52)
    chin = still.copy()
    chin[np.linalg.norm(rest - rest[rest[:, 1].argmin()], axis=1) < 0.03, 2] = 1e-3
    assert chin.any()
    for contact in (*lids.values(), lips):
        assert contact.enforce(still, none) is still
        assert contact.enforce(chin, none) is chin


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("side", SIDES)
def test_a_blink_closes_on_every_head_and_stays_off_the_ball(kind, side, contacts, maker):
    for number in (0, 1):
        rest, lids, _ = contacts[kind, number]
        offsets, weights = plain(maker.template, maker.count, f"eyeBlink{side.capitalize()}")
        assert np.abs(worst(lids[side].gap(offsets))).max() > 0.5  # the template's blink does not
        blink = lids[side].enforce(offsets, weights)
        high, low = worst(lids[side].gap(blink))
        assert -0.3 <= low <= high <= 0.3
        over = lids[side].margins.over_ball(rest + blink, lids[side].ball)
        assert 0.0 <= over.min() <= over.max() <= 0.3e-3
        other = lids[SIDES[side == "left"]]
        assert np.abs(other.enforce(offsets, weights) - offsets).max() < 0.1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stem", ["eyeWide", "eyeSquint", "eyeLookUp", "eyeLookIn", "eyeLookOut"])
def test_back_edges_keep_their_clearance_over_the_turned_ball(kind, stem, contacts, maker):
    rest, lids, _ = contacts[kind, 0]
    offsets, weights = plain(maker.template, maker.count, f"{stem}Left")
    own, ball = lids["left"].margins, lids["left"].ball
    gaze = gaze_rotation(weights, "left") @ ball.gaze
    before, at_rest = own.over_ball(rest + offsets, ball, gaze), own.over_ball(rest, ball)
    after = own.over_ball(rest + lids["left"].enforce(offsets, weights), ball, gaze)
    assert np.abs(before - at_rest).max() > 0.1e-3
    np.testing.assert_allclose(after, at_rest, atol=0.05e-3)


def middle_of_mouth(rest: np.ndarray) -> np.ndarray:
    """1 in the middle, gone at the corners."""
    return np.exp(-((rest[:, :1] / 8e-3) ** 2))


@pytest.mark.parametrize("kind", KINDS)
def test_lips_that_cross_are_parted(kind, contacts, maker):
    rest, _, lips = contacts[kind, 1]
    offsets, weights = plain(maker.template, maker.count, "mouthShrugLower")
    lower = maker.template.regions["lower_lip"][: maker.count, None]
    offsets = offsets + lower * middle_of_mouth(rest) * [0.0, 1.5e-3, 0.0]
    inner = slice(6, -6)  # corners fold
    assert lips.gap(offsets)[inner].min() < -0.5e-3
    assert lips.gap(lips.enforce(offsets, weights))[inner].min() > -0.1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_mouth_close_seals_an_open_jaw_to_what_is_open_at_rest(kind, contacts, maker):
    """Exactly closed; linearly not wider than the head's own lips at rest."""
    rest, _, lips = contacts[kind, 0]
    offsets, weights = plain(maker.template, maker.count, "jawOpen", "mouthClose")
    lower = maker.template.regions["lower_lip"][: maker.count, None]
    offsets = offsets - lower * middle_of_mouth(rest) * [0.0, 1.5e-3, 0.0]  # its own shape leaves it open
    inner = slice(6, -6)
    limit = 0.3e-3 if kind == "exact" else lips.gap(np.zeros_like(rest)).max() + 0.1e-3
    assert lips.gap(offsets)[inner].max() > limit + 0.3e-3
    sealed = lips.gap(lips.enforce(offsets, weights))[inner]
    assert sealed.min() > -0.1e-3
    assert sealed.max() < limit


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["eyeBlinkLeft", "eyeLookInLeft", "eyeSquintLeft"])
def test_the_mirrored_head_gets_the_mirrored_correction(kind, name, maker, heads):
    template, head = maker.template, heads[0]
    mirror = template.mirror[: maker.count]
    rest, ball = head.skin.astype(np.float64), head.eyes["left"]
    offsets, weights = plain(template, maker.count, name)
    flip = np.diag(FLIP)
    other = Eyeball(ball.centre * FLIP, ball.radius, flip @ ball.rotation @ flip)
    one = lids_of(kind, maker, rest, ball, "left").enforce(offsets, weights)
    two = lids_of(kind, maker, rest[mirror] * FLIP, other, "right").enforce(
        offsets[mirror] * FLIP, shape_weights({mirrored_shape(name): 1.0})
    )
    correction = np.abs(one - offsets).max()
    assert correction > 0.3e-3
    off = np.linalg.norm(two[mirror] * FLIP - one, axis=1)
    outer = skin_mesh(template).outer
    assert off[outer].max() < 0.15 * correction  # quads are split one way: triangles are not mirrored


# ------------------------------------------------------------------ the linear form against the exact one


def test_the_tabulated_plate_is_the_solved_one_on_the_template(maker):
    plate = template_plate(maker.template, "left", maker.count)
    table = plate.tabulated()
    moves = np.random.default_rng(1).normal(size=(table.matrix.shape[1], 3))
    np.testing.assert_allclose(table(moves), plate(moves), atol=1e-4 * np.abs(moves).sum())
    np.testing.assert_allclose(table(moves)[table.rows], plate(moves)[table.rows], atol=1e-9)
    assert len(table.rows) < 0.2 * maker.count


@pytest.mark.parametrize("name", ["eyeWideLeft", "eyeSquintLeft", "eyeLookUpLeft", "eyeLookInLeft"])
def test_linear_lids_go_where_exact_ones_go(name, contacts, maker):
    """Margins to the same places, seen skin within 0.25 mm of the exact plate on the very head."""
    outer = skin_mesh(maker.template).outer
    for number in (0, 1):
        exact, linear = (contacts[kind, number][1]["left"] for kind in KINDS)
        offsets, weights = plain(maker.template, maker.count, name)
        one, two = exact.enforce(offsets, weights), linear.enforce(offsets, weights)
        off = np.linalg.norm(one - two, axis=1)
        assert off[exact.margins.held].max() < 0.02e-3
        assert off[outer].max() < 0.25e-3
        assert np.abs(one - offsets)[outer].max() > 0.05e-3


def test_linear_lids_shut_near_where_exact_ones_do(contacts, maker):
    """Exact upper lids go all the way, linear lower ones give a fifth: within 1 mm, both shut."""
    outer = skin_mesh(maker.template).outer
    for number in (0, 1):
        exact, linear = (contacts[kind, number][1]["left"] for kind in KINDS)
        offsets, weights = plain(maker.template, maker.count, "eyeBlinkLeft")
        off = np.linalg.norm(exact.enforce(offsets, weights) - linear.enforce(offsets, weights), axis=1)
        assert off[outer].max() < 1.0e-3
        assert np.linalg.norm(exact.enforce(offsets, weights) - offsets, axis=1).max() > 1.2e-3


def test_both_measure_the_same_opening_of_lips(contacts):
    for number in (0, 1):
        rest, _, exact = contacts["exact", number]
        linear = contacts["linear", number][2]
        still = np.zeros_like(rest)
        np.testing.assert_allclose(linear.gap(still), exact.gap(still), atol=1e-6)


# ------------------------------------------------------------------ what is measured is what is enforced


def test_the_quality_report_is_the_constraint():
    template = load_template()
    rig, skin = Rig.on(template), skin_mesh(template)
    report = quality.rig_quality(template, rig)
    rest = template.vertices[: skin.count]
    for side in SIDES:
        ball = placed_eyeball(template, rig.neutral, side)
        lids = ExactLids(rest, skin.triangles, template.loops, side, ball, skin.outer)
        blink = template.shapes[SHAPE_INDEX[f"eyeBlink{side.capitalize()}"], : skin.count]
        found = (report[f"blink_gap_max_{side}"], report[f"blink_gap_min_{side}"])
        assert found == pytest.approx(worst(lids.gap(blink)), abs=1e-9)
    lips = LipMargins(template.loops, template.vertices)
    jaw, close = (template.shapes[SHAPE_INDEX[name]] for name in ("jawOpen", "mouthClose"))
    sealed = worst(lips.opening(template.vertices + jaw + close))
    assert (report["lip_seal_max"], report["lip_seal_min"]) == pytest.approx(sealed, abs=1e-9)


def test_one_look_is_its_rotation_to_the_last_bit_and_none_is_the_identity():
    for name in ("eyeLookUpLeft", "eyeLookOutLeft"):
        np.testing.assert_array_equal(gaze_rotation(shape_weights({name: 1.0}), "left"), look_rotation(name))
    np.testing.assert_array_equal(gaze_rotation(shape_weights({"eyeLookUpLeft": 1.0}), "right"), np.eye(3))
