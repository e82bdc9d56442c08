import numpy as np
import pytest

from mien.core.errors import MienError
from mien.core.face import FaceAsset, PreparedScan, Rig
from mien.core.mesh import Image, Scan
from mien.template import load_template
from mien.view import contact_sheet, expression_sheet, standard_camera, subject_from_template
from mien.view.render import render_view
from mien.view.sheet import SHEET_EXPRESSIONS, WIDTH


@pytest.fixture(scope="module")
def template():
    return load_template()


def an_asset(template, maps, with_scan):
    rig = Rig(template.vertices, template.shapes, template.joints, template.joint_weights)
    scan = PreparedScan(
        Scan("scan", template.vertices, template.topology.triangles),
        np.eye(4),
        np.zeros((68, 3)),
        np.ones(68),
        "",
    )
    return FaceAsset("somebody", template, rig, maps, scan=scan if with_scan else None)


def test_an_unknown_shape_is_refused_by_name(template):
    subject = subject_from_template(template)
    with pytest.raises(MienError, match="jawOpne"):
        render_view(subject, standard_camera(subject.frame, 16, 16), {"jawOpne": 1.0})


@pytest.mark.slow
@pytest.mark.parametrize("with_scan", [True, False])
def test_the_contact_sheet_is_full_and_the_same_again(template, with_scan):
    maps = {"face_albedo": Image(np.full((64, 64, 3), 0.7, np.float32), "srgb")}
    asset = an_asset(template, maps, with_scan)
    sheet = contact_sheet(asset)
    assert sheet.shape[1] == WIDTH
    assert sheet.shape[0] > WIDTH // 2
    assert sheet.std() > 20
    np.testing.assert_array_equal(sheet, contact_sheet(asset))


def test_every_sheet_expression_is_made_of_real_shapes(template):
    subject = subject_from_template(template)
    for weights in SHEET_EXPRESSIONS.values():
        assert np.abs(subject.posed(weights).vertices - subject.vertices).max() > 1e-3


@pytest.mark.slow
def test_the_expression_sheet_shows_a_row_for_each_name(template):
    sheet = expression_sheet(template, size=64, columns=2, names=("jawOpen", "eyeBlinkLeft", "mouthPucker"))
    assert sheet.shape == (2 * (64 + 28) + 6, 2 * (192 + 6) + 6, 3)
    assert sheet.std() > 15
