"""`Rig`: blendshapes and joints posed by laws and closed forms; the torch twin gives the same, with gradients."""

from __future__ import annotations

import numpy as np
import pytest

from mien.core.conventions import SHAPE_INDEX, SHAPE_NAMES
from mien.core.errors import MienError
from mien.geometry.skinning import blend_skin, cross_matrices, joint_motions, rotation_matrices
from mien.rigging.rig import Rig, dense_weights
from mien.template.load import load_template


@pytest.fixture(scope="module")
def rig():
    return Rig.on(load_template())


@pytest.fixture(scope="module")
def joints(rig):
    return [joint.name for joint in rig.joints]


def test_rotations_are_rotations():
    turns = rotation_matrices(np.random.default_rng(0).normal(size=(40, 3)))
    np.testing.assert_allclose(
        turns @ np.swapaxes(turns, -1, -2), np.broadcast_to(np.eye(3), (40, 3, 3)), atol=1e-14
    )
    np.testing.assert_allclose(np.linalg.det(turns), 1.0)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 0.7, np.pi])
def test_a_quarter_about_an_axis_turns_as_it_should(angle):
    turned = rotation_matrices(np.array([0.0, 0.0, angle])) @ [1.0, 0.0, 0.0]
    np.testing.assert_allclose(turned, [np.cos(angle), np.sin(angle), 0.0], atol=1e-15)


def test_a_cross_matrix_is_the_cross_product():
    a, b = np.random.default_rng(1).normal(size=(2, 5, 3))
    np.testing.assert_allclose((cross_matrices(a) @ b[..., None])[..., 0], np.cross(a, b))


def test_a_parent_carries_its_child_and_must_stand_before_it():
    quarter = rotation_matrices(np.array([[0, 0, np.pi / 2], [0, 0, 0]]))
    turns, shifts = joint_motions(quarter, np.array([[0.0, 0, 0], [1.0, 0, 0]]), (-1, 0))
    moved = blend_skin(np.array([[2.0, 0, 0]]), turns, shifts, np.array([[0.0, 1.0]]))
    np.testing.assert_allclose(moved, [[0.0, 2.0, 0.0]], atol=1e-15)
    with pytest.raises(ValueError, match="parents first"):
        joint_motions(quarter, np.zeros((2, 3)), (1, -1))


def test_nothing_asked_is_the_neutral(rig):
    posed = rig({})
    np.testing.assert_array_equal(posed.vertices, rig.neutral)
    template = load_template()
    np.testing.assert_allclose(
        posed.landmarks, template.landmarks.on(rig.neutral, template.topology), atol=1e-15
    )


def test_resting_joints_change_nothing(rig, joints):
    weights = {"jawOpen": 0.6, "eyeBlinkLeft": 1.0}
    still = rig(weights, np.zeros((len(joints), 3)))
    np.testing.assert_allclose(still.vertices, rig(weights).vertices, atol=1e-12)


def test_names_and_arrays_say_the_same(rig, joints):
    dense = np.zeros(52)
    dense[SHAPE_INDEX["mouthSmileLeft"]] = 0.4
    turns = np.zeros((len(joints), 3))
    turns[joints.index("jaw"), 0] = 0.1
    by_name = rig({"mouthSmileLeft": 0.4}, {"jaw": np.array([0.1, 0.0, 0.0])})
    np.testing.assert_array_equal(by_name.vertices, rig(dense, turns).vertices)


def test_a_batch_is_each_head_alone(rig):
    rng = np.random.default_rng(2)
    weights, turns = rng.random((3, 52)), 0.2 * rng.normal(size=(3, len(rig.joints), 3))
    together = rig(weights, turns)
    for k in range(3):
        alone = rig(weights[k], turns[k])
        np.testing.assert_allclose(together.vertices[k], alone.vertices, atol=1e-12)
        np.testing.assert_allclose(together.landmarks[k], alone.landmarks, atol=1e-12)


def test_a_batch_in_one_of_them_is_enough(rig):
    swept = rig({"jawOpen": np.linspace(0, 1, 4)}, {"jaw": np.array([0.0, 0.1, 0.0])})
    assert swept.vertices.shape == (4, *rig.neutral.shape)
    assert swept.landmarks.shape == (4, 68, 3)
    turned = rig({"jawOpen": 1.0}, {"jaw": np.zeros((5, 3))})
    assert turned.vertices.shape == (5, *rig.neutral.shape)


def test_turning_the_root_turns_the_whole_head_rigidly(rig, joints):
    root = joints[rig.parents.index(-1)]
    axis = np.array([0.3, -0.2, 0.5])
    posed = rig({"jawOpen": 0.5}, {root: axis}).vertices
    place = rig.joints[joints.index(root)].position
    rigid = (rig({"jawOpen": 0.5}).vertices - place) @ rotation_matrices(axis).T + place
    np.testing.assert_allclose(posed, rigid, atol=1e-12)


def test_an_eye_turns_about_its_own_centre_and_nothing_else_does(rig, joints):
    template = load_template()
    eye = template.vertex_mask("eye_left")
    posed = rig({}, {"eye_left": np.array([0.0, 0.4, 0.0])}).vertices
    centre = rig.joints[joints.index("eye_left")].position
    before, after = (np.linalg.norm(v[eye] - centre, axis=1) for v in (rig.neutral, posed))
    np.testing.assert_allclose(after, before, atol=1e-9)
    turned = (rig.neutral[eye] - centre) @ rotation_matrices(np.array([0.0, 0.4, 0.0])).T + centre
    np.testing.assert_allclose(posed[eye], turned, atol=1e-9)
    assert np.abs(turned - rig.neutral[eye]).max() > 4e-3
    np.testing.assert_allclose(
        posed[template.vertex_mask("eye_right")], rig.neutral[template.vertex_mask("eye_right")], atol=1e-12
    )


@pytest.mark.parametrize(
    ("weights", "turns", "words"),
    [
        ({"jawOpne": 1.0}, None, "did you mean 'jawOpen'"),
        (np.zeros(51), None, r"\(51,\), expected \(52,\)"),
        ({"jawOpen": np.zeros((2, 2))}, None, "expected a number or"),
        ({}, {"eye_lft": np.zeros(3)}, "did you mean 'eye_left'"),
        ({}, {"jaw": np.zeros(4)}, r"\(4,\), expected \(3,\)"),
        ({}, np.zeros((2, 3)), "for the joints"),
    ],
)
def test_what_is_wrong_is_said(rig, weights, turns, words):
    with pytest.raises(MienError, match=words):
        rig(weights, turns)


def test_dense_weights_keep_the_order_of_the_names():
    assert dense_weights({SHAPE_NAMES[17]: 0.3}).nonzero()[0].tolist() == [17]


@pytest.fixture(scope="module")
def drawn(rig):
    rng = np.random.default_rng(3)
    return rng.random((2, 52)), 0.3 * rng.normal(size=(2, len(rig.joints), 3))


class TestTorchTwin:
    def test_the_values_are_the_plain_ones(self, rig, drawn):
        torch = pytest.importorskip("torch")
        plain, twin = rig(*drawn), rig.torch()(*map(torch.tensor, drawn))
        np.testing.assert_allclose(twin.vertices.numpy(), plain.vertices, atol=1e-12)
        np.testing.assert_allclose(twin.landmarks.numpy(), plain.landmarks, atol=1e-12)
        rest = rig.torch()(torch.tensor(drawn[0]))
        np.testing.assert_allclose(rest.vertices.numpy(), rig(drawn[0]).vertices, atol=1e-12)

    def test_the_gradients_are_those_of_the_plain_one(self, rig, drawn):
        torch = pytest.importorskip("torch")
        rng = np.random.default_rng(4)
        cotangent = rng.normal(size=(2, 68, 3))
        weights, turns = (torch.tensor(part, requires_grad=True) for part in drawn)
        (rig.torch()(weights, turns).landmarks * torch.tensor(cotangent)).sum().backward()

        def plain(weights, turns):
            return float((rig(weights, turns).landmarks * cotangent).sum())

        step = 1e-6
        for k, gradient in ((0, weights.grad), (1, turns.grad)):
            for place in [(0, 5), (1, 30)] if k == 0 else [(0, 0, 1), (1, 2, 0), (1, 3, 2)]:
                more, less = [part.copy() for part in drawn], [part.copy() for part in drawn]
                more[k][place] += step
                less[k][place] -= step
                numeric = (plain(*more) - plain(*less)) / (2 * step)
                assert float(gradient[place]) == pytest.approx(numeric, rel=1e-5, abs=1e-8)

    def test_a_joint_at_rest_has_a_gradient(self, rig):
        torch = pytest.importorskip("torch")
        turns = torch.zeros(1, len(rig.joints), 3, dtype=torch.float64, requires_grad=True)
        rig.torch()(torch.zeros(1, 52, dtype=torch.float64), turns).landmarks.square().sum().backward()
        assert torch.isfinite(turns.grad).all()
        assert turns.grad.abs().max() > 0

    def test_single_precision_and_devices_follow_the_module(self, rig):
        torch = pytest.importorskip("torch")
        twin = rig.torch().float()
        posed = twin(torch.zeros(1, 52), torch.zeros(1, len(rig.joints), 3))
        assert posed.vertices.dtype == torch.float32
        np.testing.assert_allclose(posed.vertices[0].numpy(), rig.neutral, atol=1e-6)

    def test_names_numbers_and_single_poses_are_taken_as_by_the_plain_one(self, rig):
        torch = pytest.importorskip("torch")
        twin = rig.torch()
        named = twin(
            {"jawOpen": torch.tensor([0.0, 1.0]), "eyeBlinkLeft": 0.5}, {"jaw": torch.tensor([0.1, 0, 0])}
        )
        plain = rig(
            {"jawOpen": np.array([0.0, 1.0]), "eyeBlinkLeft": 0.5}, {"jaw": np.array([0.1, 0.0, 0.0])}
        )
        np.testing.assert_allclose(named.vertices.numpy(), plain.vertices, atol=1e-8)
        single = twin(torch.zeros(52))  # single precision in, the buffers' double out
        assert single.vertices.shape == rig.neutral.shape
        assert single.landmarks.shape == (68, 3)

    def test_what_is_wrong_is_said_here_too(self, rig):
        torch = pytest.importorskip("torch")
        with pytest.raises(MienError, match="did you mean 'jawOpen'"):
            rig.torch()({"jawOpne": 1.0})
        with pytest.raises(MienError, match=r"shape \(51,\), expected \(52,\)"):
            rig.torch()(torch.zeros(51))
