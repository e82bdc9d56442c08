"""A perspective camera, its standard places round a head, and rasterisation through it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mien.geometry.raster import Raster, rasterize

# An 85 mm lens on a full-frame sensor held upright (36 mm tall side): the usual portrait lens.
PORTRAIT_FOV = float(np.degrees(2.0 * np.arctan(18.0 / 85.0)))
VIEWS: dict[str, float] = {"front": 0.0, "three-quarter": 35.0, "side": 90.0}


@dataclass(frozen=True)
class Camera:
    """Looks from `eye` at `target` (metres); `fov` is the vertical angle in degrees.

    Pixels are continuous coordinates: x right, y down, centres at .5. `crop` makes it a window of a
    larger picture: that picture's (width, height) and the window's (left, top).
    """

    eye: Float[np.ndarray, "3"]
    target: Float[np.ndarray, "3"]
    fov: float
    width: int
    height: int
    crop: tuple[int, int, int, int] | None = None

    @property
    def centre(self) -> tuple[float, float]:
        """The pixel that looks at the target."""
        width, height, left, top = self.crop or (self.width, self.height, 0, 0)
        return 0.5 * width - left, 0.5 * height - top

    @property
    def toward(self) -> Float[np.ndarray, "3"]:
        """Unit direction from the target to the eye."""
        back = self.eye - self.target
        return back / np.linalg.norm(back)

    @property
    def yaw(self) -> float:
        """Degrees from +Z toward +X at which the camera stands."""
        back = self.eye - self.target
        return float(np.degrees(np.arctan2(back[0], back[2])))

    @property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Rows: right, up, forward."""
        forward = self.target - self.eye
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(right, forward), forward])

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        height = self.crop[1] if self.crop else self.height
        return 0.5 * height / float(np.tan(0.5 * np.radians(self.fov)))

    def project(
        self, points: Float[np.ndarray, "N 3"]
    ) -> tuple[Float[np.ndarray, "N 2"], Float[np.ndarray, " N"]]:
        """Pixels, and w: the distance along the viewing axis (metres, positive in front)."""
        local = (points - self.eye) @ self.axes.T
        w = local[:, 2]
        scale = self.focal / np.where(np.abs(w) > 1e-9, w, 1e-9)
        x = self.centre[0] + local[:, 0] * scale
        y = self.centre[1] - local[:, 1] * scale
        return np.stack([x, y], axis=1), w

    def ray_directions(self, pixels: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 3"]:
        """Unit directions from the eye through these pixels: the inverse of `project`."""
        x = (pixels[:, 0] - self.centre[0]) / self.focal
        y = (self.centre[1] - pixels[:, 1]) / self.focal
        direction = np.stack([x, y, np.ones_like(x)], axis=1) @ self.axes
        return direction / np.linalg.norm(direction, axis=1, keepdims=True)

    def cropped(self, left: int, top: int, width: int, height: int) -> Camera:
        """A window of the picture, pixel for pixel."""
        whole_width, whole_height, x, y = self.crop or (self.width, self.height, 0, 0)
        return replace(self, width=width, height=height, crop=(whole_width, whole_height, x + left, y + top))

    def resized(self, factor: int) -> Camera:
        """The same picture with `factor` times as many pixels a side."""
        w, h, x, y = self.crop or (self.width, self.height, 0, 0)
        crop = (w * factor, h * factor, x * factor, y * factor) if self.crop else None
        return replace(self, width=self.width * factor, height=self.height * factor, crop=crop)


def frame_points(
    points: Float[np.ndarray, "N 3"],
    width: int,
    height: int,
    yaw: float = 0.0,
    pitch: float = 0.0,
    margin: float = 1.12,
    fov: float = PORTRAIT_FOV,
) -> Camera:
    """A camera in which `points` just fill the picture, `margin` times larger than they need.

    `yaw` degrees toward the subject's left (+X), `pitch` degrees upward; the target is the centre of
    the points' bounding box.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    target = 0.5 * (low + high)
    yaw_r, pitch_r = np.radians(yaw), np.radians(pitch)
    back = np.array([np.sin(yaw_r) * np.cos(pitch_r), np.sin(pitch_r), np.cos(yaw_r) * np.cos(pitch_r)])
    probe = Camera(target + back, target, fov, width, height)
    local = (points - target) @ probe.axes.T
    slope = np.tan(0.5 * np.radians(fov))
    # Nearest distance at which every point is inside both half angles.
    needed_y = np.abs(local[:, 1]) * margin / slope - local[:, 2]
    needed_x = np.abs(local[:, 0]) * margin / (slope * width / height) - local[:, 2]
    distance = float(max(needed_x.max(), needed_y.max()))
    return replace(probe, eye=target + distance * back)


def standard_camera(
    face: Float[np.ndarray, "N 3"], width: int, height: int, view: str = "front", margin: float = 1.5
) -> Camera:
    """One of `VIEWS`, all with the same scale and height: framed on `face` as seen from the front.

    `face` are the points of the face alone (metres); the camera turns about a point inside the head so
    that the skull stays in the picture.
    """
    return orbit_camera(face, width, height, VIEWS[view], margin)


def orbit_camera(
    face: Float[np.ndarray, "N 3"], width: int, height: int, yaw: float, margin: float = 1.5
) -> Camera:
    """`standard_camera` at any yaw in degrees: the turntable's camera."""
    front = frame_points(face, width, height, 0.0, 0.0, margin)
    distance = float(np.linalg.norm(front.eye - front.target))
    angle = np.radians(yaw)
    back = np.array([np.sin(angle), 0.0, np.cos(angle)])
    # The ear lies about half a face's width behind the centre of the face's bounding box.
    depth = 0.36 * float(np.ptp(face[:, 0]))
    target = front.target - np.array([0.0, 0.0, depth * abs(np.sin(angle))])
    return replace(front, eye=target + distance * back, target=target)


def rasterize_view(
    camera: Camera, vertices: Float[np.ndarray, "V 3"], triangles: Int[np.ndarray, "T 3"]
) -> Raster:
    """What the camera sees; barycentric weights are perspective-correct, depth is w in metres.

    The plane raster is linear in the image, as are 1/w and b/w: it orders by -1/w, and the weights
    are corrected afterwards. Triangles that reach behind the camera are left out.
    """
    pixels, w = camera.project(vertices)
    inverse = 1.0 / np.where(w > 1e-4, w, np.nan)
    pixels = np.where(np.isfinite(inverse)[:, None], pixels, np.nan)
    visible = np.isfinite(inverse[triangles]).all(axis=1)
    safe = np.where(visible[:, None], triangles, 0)
    raster = rasterize(pixels, -np.nan_to_num(inverse), safe, camera.height, camera.width)
    mask = raster.covered
    over_w = raster.barycentric[mask] * inverse[triangles[raster.triangle[mask]]]
    total = over_w.sum(axis=1, keepdims=True)
    raster.barycentric[mask] = over_w / total
    raster.depth[mask] = 1.0 / total[:, 0]
    return raster
