import numpy as np
import pytest

from mien.core.errors import MienError
from mien.core.face import PreparedScan
from mien.core.mesh import Image, Scan
from mien.render.camera import standard_camera
from mien.render.raster import render_view
from mien.render.renderable import renderable_from_template
from mien.rigging.head import RiggedHead
from mien.rigging.rig import Rig
from mien.sheets.contact_sheet import SHEET_EXPRESSIONS, WIDTH, draw_contact_sheet
from mien.sheets.shape_sheet import expression_sheet
from mien.template.load import load_template
from mien.textures.lashes import occlusion_maps


@pytest.fixture(scope="module")
def template():
    return load_template()


def an_asset(template, maps, with_scan):
    rig = Rig.on(template)
    scan = PreparedScan(
        Scan("scan", template.vertices, template.topology.triangles),
        np.eye(4),
        np.zeros((68, 3)),
        np.ones(68),
        "",
    )
    return RiggedHead("somebody", template, rig, maps, scan=scan if with_scan else None)


def test_an_unknown_shape_is_refused_by_name(template):
    subject = renderable_from_template(template)
    with pytest.raises(MienError, match="jawOpne"):
        render_view(subject, standard_camera(subject.frame, 16, 16), {"jawOpne": 1.0})


@pytest.mark.slow
@pytest.mark.parametrize("with_scan", [True, False])
def test_the_contact_sheet_is_full_and_the_same_again(template, with_scan):
    maps = {"face_albedo": Image(np.full((64, 64, 3), 0.7, np.float32), "srgb")}
    asset = an_asset(template, maps, with_scan)
    sheet = draw_contact_sheet(asset)
    assert sheet.shape[1] == WIDTH
    assert sheet.shape[0] > WIDTH // 2
    assert sheet.std() > 20
    np.testing.assert_array_equal(sheet, draw_contact_sheet(asset))


def test_every_sheet_expression_is_made_of_real_shapes(template):
    subject = renderable_from_template(template)
    for weights in SHEET_EXPRESSIONS.values():
        assert np.abs(subject.posed(weights).vertices - subject.vertices).max() > 1e-3


@pytest.mark.slow
def test_the_expression_sheet_shows_a_row_for_each_name(template):
    sheet = expression_sheet(template, size=64, columns=2, names=("jawOpen", "eyeBlinkLeft", "mouthPucker"))
    assert sheet.shape == (2 * (64 + 28) + 6, 2 * (192 + 6) + 6, 3)
    assert sheet.std() > 15


def test_the_lids_shade_darkens_the_whites_by_its_coverage_alone(template):
    camera = standard_camera(template.vertices[template.face_vertices()], 200, 240)
    maps = occlusion_maps()
    pixels = maps["eye_occlusion_albedo"].pixels.copy()
    pixels[..., 3] = 0.0
    shaded, open_eyed, bare = (
        render_view(renderable_from_template(template, None, given), camera).astype(int)
        for given in (maps, {"eye_occlusion_albedo": Image(pixels, "srgb")}, {})
    )
    np.testing.assert_array_equal(open_eyed, bare)
    darker = (bare - shaded).sum(axis=2)
    assert darker.min() >= -3
    eyes, _ = camera.project(template.landmarks.on(template.vertices, template.topology)[36:48])
    rows = np.flatnonzero((darker > 20).any(axis=1))
    assert len(rows) > 5
    assert eyes[:, 1].min() - 6 < rows.min() <= rows.max() < eyes[:, 1].max() + 6
