"""Pictures: a raster of our own that makes skin look like skin, clay, sheets, path-traced renders."""

from mien.view.camera import Camera, frame_points, orbit_camera, standard_camera
from mien.view.render import render_view, turntable
from mien.view.shape_sheet import expression_sheet, shape_tiles
from mien.view.sheet import contact_sheet
from mien.view.subject import Subject, subject_from_asset, subject_from_scan, subject_from_template

__all__ = [
    "Camera",
    "Subject",
    "contact_sheet",
    "expression_sheet",
    "frame_points",
    "orbit_camera",
    "render_view",
    "shape_tiles",
    "standard_camera",
    "subject_from_asset",
    "subject_from_scan",
    "subject_from_template",
    "turntable",
]
