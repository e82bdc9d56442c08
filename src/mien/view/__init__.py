"""Pictures: a raster of our own that makes skin look like skin, clay, sheets, path-traced renders."""

from mien.view.camera import Camera, frame_points, standard_camera
from mien.view.render import render_view

from mien.view.subject import Subject, subject_from_asset, subject_from_scan, subject_from_template

__all__ = [
    "Camera",
    "Subject",

    "frame_points",
    "render_view",
    "standard_camera",
    "subject_from_asset",
    "subject_from_scan",
    "subject_from_template",
]
