"""Expressions of the face database: laws that every subject's face keeps."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from mien.anatomy.contact.behind_skin import WALL
from mien.anatomy.eyeball import SIDES, signed_clearance
from mien.anatomy.gaze import gaze_rotation, look_rotation
from mien.core.conventions import EXPRESSIONS, SHAPE_INDEX, SHAPE_NAMES, mirrored_shape, shape_weights
from mien.core.errors import MienError
from mien.synth.expression.codes import AGAINST, SINGLE, ExpressionPlan, draw_code
from mien.synth.expression.maker import expression_maker
from mien.synth.expression.personal_form import STRONGEST, WEAKEST, draw_form
from mien.synth.identity.basis import load_basis
from mien.synth.identity.heads import NeutralHead
from mien.synth.identity.mode_weights import HeadWeights
from mien.synth.subject import draw_subject

HEAVY = ("numba", "igl", "embreex", "cv2", "torch", "mitsuba")
LIDS = [(lid, side) for lid in ("upper", "lower") for side in ("left", "right")]
BLINK_GAP, COVER = 0.3e-3, 0.04e-3  # metres


WEIGHTS = HeadWeights(np.zeros(1), np.zeros(24), np.zeros(1))


@pytest.fixture(scope="module")
def maker():
    return expression_maker(load_basis())


@pytest.fixture(scope="module")
def people(maker):
    out = []
    for index in range(5):
        subject = draw_subject(31, index)
        head = maker.heads.head(subject)
        out.append((subject, maker.bind(head, maker.draw_form(subject, head))))
    return out


@pytest.fixture(scope="module")
def generic(maker):
    eyes = {side: maker.heads.seat.eye(side).ball for side in SIDES}
    return NeutralHead(maker.template.vertices[: maker.count].astype(np.float32), eyes, WEIGHTS, 1)


def margins(maker, side):
    loops = maker.template.loops
    return loops[f"lid_upper_{side}"], loops[f"lid_lower_{side}"]


def test_no_weights_move_nothing(maker, people):
    for _, bound in people:
        assert not maker.expression(bound, np.zeros(52)).any()


def test_an_expression_has_the_same_bits_whatever_was_made_before(maker, people):
    subject, bound = people[0]
    weights = shape_weights(EXPRESSIONS["smileOpen"])
    first = maker.expression(bound, weights)
    maker.expression(people[1][1], weights)
    head = maker.heads.head(subject)
    again = maker.expression(maker.bind(head, maker.draw_form(subject, head)), weights)
    np.testing.assert_array_equal(again, first)


def test_plain_transfer_onto_the_template_gives_its_shapes(maker, generic):
    skin = maker.template.part("face").vertices
    calm = maker.unfold.turned(generic.skin[skin])
    for name, k in SHAPE_INDEX.items():
        if name == "mouthClose":  # alone it would push the lips through each other
            continue
        weights = np.zeros(52)
        weights[k] = 1.0
        shape = maker.template.shapes[k, : maker.count]
        off = np.abs(maker.plain(generic, weights) - shape)[skin]
        folds = maker.unfold.turned(generic.skin[skin] + shape[skin].astype(np.float32)) & ~calm
        assert off.max() < (1.2e-3 if folds.any() else 0.2e-3), name  # folds are let out, contact corrected


def test_plain_transfer_scales_with_the_head(maker, generic):
    larger = NeutralHead(generic.skin * np.float32(1.1), generic.eyes, WEIGHTS, 1)
    weights = shape_weights({"browInnerUp": 1.0})
    one, other = maker.plain(generic, weights), maker.plain(larger, weights)
    brow = maker.template.regions["forehead"][: maker.count] > 0.9
    np.testing.assert_allclose(other[brow], 1.1 * one[brow], atol=0.05e-3)


def test_a_blink_closes_and_skin_stays_off_the_ball(maker, people):
    for _, bound in people:
        posed = bound.head.skin + maker.expression(bound, shape_weights(EXPRESSIONS["blink"]))
        for side in ("left", "right"):
            upper, lower = (posed[line] for line in margins(maker, side))
            gap = [distance_to_line(point, lower) for point in upper[2:-2]]
            assert max(gap) < BLINK_GAP
            ball = bound.head.eyes[side]
            lids = maker.template.regions[f"upper_lid_{side}"][: maker.count] > 0.5
            off = signed_clearance(posed[lids], ball.centre, ball.radius, ball.rotation[:, 2])
            assert off.min() > -0.1e-3


def distance_to_line(point, line):
    best = np.inf
    for a, b in pairwise(line):
        t = np.clip((point - a) @ (b - a) / max((b - a) @ (b - a), 1e-20), 0, 1)
        best = min(best, np.linalg.norm(point - a - t * (b - a)))
    return best


@pytest.mark.parametrize("name", ["smile", "pucker", "press", "frown", "jawLeft", "mouthRight", "lipsRolled"])
def test_lips_do_not_cross(maker, people, name):
    inner = slice(6, -6)  # the corners fold
    for _, bound in people:
        posed = bound.head.skin + maker.expression(bound, shape_weights(EXPRESSIONS[name]))
        assert maker.lips.opening(posed, bound.head.skin)[inner].min() > -0.2e-3


FOLDS = 20  # triangles of 15,000 turned over beyond the lids' own


@pytest.mark.parametrize(
    "name", ["smile", "fear", "disgust", "cheekPuff", "sneer", "jawForward", "mouthLeft"]
)
def test_skin_does_not_fold_under(maker, people, name):
    face = maker.surface.vertices
    lids = np.max([maker.template.regions[f"{lid}_lid_{side}"][face] for lid, side in LIDS], axis=0) > 0.05
    seen = ~lids[maker.surface.triangles].any(axis=1)
    for _, bound in people:
        moved = bound.head.skin + maker.expression(bound, shape_weights(EXPRESSIONS[name]))
        assert (maker.unfold.turned(moved[face]) & ~bound.turned & seen).sum() <= FOLDS


def test_what_is_folded_is_let_out_and_what_is_not_is_left(maker, people):
    face, surface = maker.surface.vertices, maker.surface
    rest = people[0][1].head.skin[face]
    calm = maker.unfold.turned(rest)
    shift = np.full_like(rest, 1e-3)
    maker.unfold(shift, rest, calm)
    np.testing.assert_array_equal(shift, np.full_like(rest, 1e-3))
    cheek = np.argmax(maker.template.regions["cheek_left"][face])
    ring = surface.mean[cheek].indices
    far = ring[np.argmax(np.linalg.norm(rest[ring] - rest[cheek], axis=1))]
    pulled = np.zeros_like(rest)
    pulled[cheek] = 2.5 * (rest[far] - rest[cheek])
    before = (maker.unfold.turned(rest + pulled) & ~calm).sum()
    maker.unfold(pulled, rest, calm)
    assert before > 0
    assert (maker.unfold.turned(rest + pulled) & ~calm).sum() == 0


def test_walls_and_gums_that_skin_comes_too_near_are_pushed_in(maker, people):
    bound = people[0][1]
    out = bound.head.skin.astype(np.float64)
    walls = maker.walls
    out[walls.rows] += [0.0, 0.0, 6e-3]
    lack = np.minimum(bound.walls, WALL) - walls.depth(out, bound.normals)
    walls.keep(out, bound.normals, bound.walls)
    after = np.minimum(bound.walls, WALL) - walls.depth(out, bound.normals)
    assert lack.max() > 3e-3
    assert np.percentile(after.max(axis=1), 95) < 0.3e-3
    again = out.copy()
    walls.keep(again, bound.normals, np.minimum(bound.walls, walls.depth(out, bound.normals)))
    np.testing.assert_array_equal(again, out)


def test_no_strength_goes_beyond_the_strongest(maker):
    subjects = [draw_subject(5, k) for k in range(60)]
    skin = maker.heads.basis.mean
    all_of_them = np.array([draw_form(s, skin, maker.modes, maker.template).strength for s in subjects])
    assert all_of_them.min() >= WEAKEST
    assert 1.1 < all_of_them.max() < STRONGEST


def test_an_open_jaw_is_sealed_by_mouth_close(maker, people):
    for _, bound in people:
        rest = maker.lips.opening(bound.head.skin, bound.head.skin)[10:-10]
        for weights in ({"jawOpen": 1.0}, {"jawOpen": 1.0, "mouthClose": 1.0}):
            posed = bound.head.skin + maker.expression(bound, shape_weights(weights))
            opening = maker.lips.opening(posed, bound.head.skin)[10:-10]
            assert (opening.max() < rest.max() + 0.8e-3) == ("mouthClose" in weights)


@pytest.mark.parametrize("stem", ["mouthSmile", "browDown", "noseSneer", "eyeSquint"])
def test_left_and_right_together_are_both_but_for_contact(maker, people, stem):
    face = maker.template.part("face").vertices
    for _, bound in people[:3]:
        one, other, both = (
            maker.expression(bound, shape_weights(dict.fromkeys(names, 1.0)))[face]
            for names in ([f"{stem}Left"], [f"{stem}Right"], [f"{stem}Left", f"{stem}Right"])
        )
        off = np.linalg.norm(one + other - both, axis=1)
        assert np.percentile(off, 99) < 0.12 * np.linalg.norm(both, axis=1).max()


def test_form_is_more_than_transfer_and_differs_between_people(maker, people):
    face = maker.template.part("face").vertices
    weights = shape_weights(EXPRESSIONS["smile"])
    for _, bound in people:
        own, plain = maker.expression(bound, weights)[face], maker.plain(bound.head, weights)[face]
        size, form = (np.sqrt((x**2).sum(axis=1).mean()) for x in (plain, own - plain))
        assert 0.05 * size < form < 0.6 * size


def test_what_can_be_predicted_of_a_form_is_its_mean(maker, people):
    subject, bound = people[0]
    known = draw_form(subject, bound.head.skin, maker.modes, maker.template, residual=False)
    assert not np.array_equal(known.left, bound.form.left)
    np.testing.assert_array_equal(known.left, known.right)  # sides differ by chance alone
    draws = [draw_subject(77, k) for k in range(40)]
    forms = [draw_form(s, bound.head.skin, maker.modes, maker.template) for s in draws]
    means = [draw_form(s, bound.head.skin, maker.modes, maker.template, residual=False) for s in draws]
    spread = np.var([np.log(f.strength) for f in forms], axis=0).sum()
    predicted = np.var([np.log(f.strength) for f in means], axis=0).sum()
    assert 0.1 < predicted / spread < 0.9


def test_a_heavy_cheek_bulges_more_than_a_lean_one(maker, people):
    _, bound = people[0]
    weights = shape_weights(EXPRESSIONS["smile"])
    bulge = []
    for millimetres in (-2.0, 4.0):
        form = bound.form.__class__(
            bound.form.strength, bound.form.left, bound.form.right,
            {"cheek_left": millimetres, "cheek_right": millimetres},
        )  # fmt: skip
        moved = maker.expression(maker.bind(bound.head, form), weights)
        cheek = maker.template.regions["cheek_left"][: maker.count] > 0.5
        bulge.append(moved[cheek, 2])
    assert (bulge[1] - bulge[0]).max() > 0.3e-3


def test_gaze_turns_add_up_and_single_ones_are_the_shapes(maker):
    for name in ("eyeLookUpLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookDownLeft"):
        np.testing.assert_allclose(
            gaze_rotation(shape_weights({name: 1.0}), "left"), look_rotation(name), atol=1e-12
        )
    both = gaze_rotation(shape_weights({"eyeLookUpLeft": 0.5, "eyeLookOutLeft": 0.5}), "left")
    np.testing.assert_allclose(both @ both.T, np.eye(3), atol=1e-12)
    assert both[1, 2] > 0.1
    assert both[0, 2] > 0.1


def test_random_codes_are_plausible():
    codes = np.stack([draw_code(np.random.default_rng([3, k])) for k in range(400)])
    assert codes.min() >= 0
    assert codes.max() <= 1
    assert (codes[:, SHAPE_INDEX["mouthClose"]] <= codes[:, SHAPE_INDEX["jawOpen"]] + 1e-12).all()
    for one, other in AGAINST:
        if one in SINGLE and other in SINGLE:
            assert not ((codes[:, SHAPE_INDEX[one]] > 0) & (codes[:, SHAPE_INDEX[other]] > 0)).any()
    active = (codes > 0).sum(axis=1)
    assert (active <= 2).mean() > 0.15
    assert (active >= 5).mean() > 0.3
    assert (codes > 0).any(axis=0).sum() >= 50  # tongueOut moves no skin
    uneven = [k for k, name in enumerate(SHAPE_NAMES) if name.endswith("Left") and "Look" not in name]
    mirrored = [SHAPE_INDEX[mirrored_shape(SHAPE_NAMES[k])] for k in uneven]
    assert (codes[:, uneven] != codes[:, mirrored]).any()


def test_plans_name_their_expressions_and_refuse_others():
    assert ExpressionPlan("26").names == list(EXPRESSIONS)
    assert ExpressionPlan("none").names == ["neutral"]
    plan = ExpressionPlan("random:3")
    np.testing.assert_array_equal(plan.weights(1, 2, 0), plan.weights(1, 2, 0))
    assert not np.array_equal(plan.weights(1, 2, 0), plan.weights(1, 3, 0))
    for text in ("27", "random", "random:0", "random:x"):
        with pytest.raises(MienError, match="expected 26, none or random:K"):
            ExpressionPlan(text)


def test_expressions_need_nothing_heavy():
    code = (
        "import sys, numpy as np; from mien.database.sampler import Sampler; from mien.synth.subject import draw_subject;"
        "import mien.synth.expression.codes;"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
