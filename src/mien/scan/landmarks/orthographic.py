"""Looking at a scan: an orthographic camera and soft light, enough for a face detector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mien.core.mesh import Scan
from mien.geometry.normals import vertex_normals
from mien.geometry.raster import Raster, rasterize

BACKGROUND = 0.35
GREY_SKIN = 0.72


@dataclass(frozen=True)
class OrthographicView:
    """An orthographic camera. `axes` are its right, up and backward (toward the viewer) directions as
    rows; `centre` lies in the middle of a square image of `size` pixels; `reach` is half its width in
    the scan's unit."""

    axes: Float[np.ndarray, "3 3"]
    centre: Float[np.ndarray, "3"]
    reach: float
    size: int

    def project(self, points: Float[np.ndarray, "*N 3"]) -> Float[np.ndarray, "*N 3"]:
        """Pixel x (right), y (down) and depth (away from the viewer, in the scan's unit)."""
        local = (points - self.centre) @ self.axes.T
        half = self.size / 2
        x = half + local[..., 0] * (half / self.reach)
        y = half - local[..., 1] * (half / self.reach)
        return np.stack([x, y, -local[..., 2]], axis=-1)

    def lift(
        self, pixels: Float[np.ndarray, "*N 2"], depth: Float[np.ndarray, "*N"]
    ) -> Float[np.ndarray, "*N 3"]:
        """The inverse of `project`."""
        half = self.size / 2
        x = (pixels[..., 0] - half) * (self.reach / half)
        y = (half - pixels[..., 1]) * (self.reach / half)
        return self.centre + np.stack([x, y, -depth], axis=-1) @ self.axes


@dataclass(frozen=True)
class Canvas:
    """A surface ready to be drawn many times: colour looked up at each triangle's corners or in small
    textures, smooth normals. `colour` is None for a grey scan."""

    vertices: Float[np.ndarray, "N 3"]
    triangles: Int[np.ndarray, "M 3"]
    normals: Float[np.ndarray, "N 3"]
    vertex_colours: Float[np.ndarray, "N 3"] | None = None
    corner_uvs: Float[np.ndarray, "M 3 2"] | None = None
    triangle_texture: Int[np.ndarray, " M"] | None = None
    textures: tuple[np.ndarray, ...] = ()

    @property
    def has_colour(self) -> bool:
        """Whether anything but grey can be drawn."""
        return self.vertex_colours is not None or bool(self.textures)


@dataclass(frozen=True)
class Picture:
    """An RGB uint8 image with the raster it came from."""

    image: np.ndarray
    raster: Raster
    view: OrthographicView


def make_canvas(scan: Scan, *, grey: bool = False, max_texture: int = 1024) -> Canvas:
    """A scan as a canvas; textures are shrunk to what a view of a few hundred pixels can show."""
    normals = vertex_normals(scan.vertices, scan.triangles)
    if grey or not scan.has_colour:
        return Canvas(scan.vertices, scan.triangles, normals)
    if scan.textures and scan.corner_uvs is not None:
        texture = scan.triangle_texture
        if texture is None:
            texture = np.zeros(len(scan.triangles), int)
        return Canvas(
            scan.vertices, scan.triangles, normals, scan.vertex_colours, scan.corner_uvs, texture,
            tuple(_shrink(t, max_texture) for t in scan.textures),
        )  # fmt: skip
    return Canvas(scan.vertices, scan.triangles, normals, scan.vertex_colours)


def _shrink(texture: np.ndarray, limit: int) -> np.ndarray:
    import cv2

    scale = limit / max(texture.shape[:2])
    if scale >= 1.0:
        return texture
    size = (max(1, round(texture.shape[1] * scale)), max(1, round(texture.shape[0] * scale)))
    return cv2.resize(texture, size, interpolation=cv2.INTER_AREA)


def sample_texture(texture: np.ndarray, uv: Float[np.ndarray, "N 2"]) -> Float[np.ndarray, "N 3"]:
    """Bilinear colours (0..1, as stored) at UVs with origin bottom-left; clamped at the border."""
    height, width = texture.shape[:2]
    x = np.clip(uv[:, 0] * width - 0.5, 0, width - 1)
    y = np.clip((1.0 - uv[:, 1]) * height - 0.5, 0, height - 1)
    x0, y0 = x.astype(np.int64), y.astype(np.int64)
    x1, y1 = np.minimum(x0 + 1, width - 1), np.minimum(y0 + 1, height - 1)
    fx, fy = (x - x0)[:, None], (y - y0)[:, None]
    top = texture[y0, x0] * (1 - fx) + texture[y0, x1] * fx
    bottom = texture[y1, x0] * (1 - fx) + texture[y1, x1] * fx
    return (top * (1 - fy) + bottom * fy) / 255.0


def draw(canvas: Canvas, view: OrthographicView, *, flat: bool = False) -> Picture:
    """A picture in soft light: a broad lamp above the camera and ambient. Surfaces seen from behind are
    dark, so that the inside of an open scan is not taken for a face. `flat` shows the colours alone."""
    projected = view.project(canvas.vertices)
    triangles = canvas.triangles
    near = _in_frame(projected, triangles, view.size)
    raster = rasterize(projected[:, :2], projected[:, 2], triangles[near], view.size, view.size)
    rows = np.flatnonzero(near)
    covered = raster.triangle >= 0
    triangle = rows[raster.triangle[covered]]
    weights = raster.barycentric[covered]
    normal = np.einsum("nk,nkd->nd", weights, canvas.normals[triangles[triangle]]) @ view.axes.T
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    colour = _albedo(canvas, triangle, weights)
    if not flat:
        colour = colour * _light(normal)[:, None]
    image = np.full((view.size, view.size, 3), BACKGROUND)
    image[covered] = _expose(colour)
    whole = np.full(raster.triangle.shape, -1, np.int64)
    whole[covered] = triangle
    return Picture(
        (image * 255 + 0.5).astype(np.uint8), Raster(whole, raster.barycentric, raster.depth), view
    )


def _in_frame(projected: np.ndarray, triangles: np.ndarray, size: int) -> np.ndarray:
    """Triangles that may touch the image (a cheap rejection for close views of big scans)."""
    outside = np.stack(
        [projected[:, 0] < 0, projected[:, 0] > size, projected[:, 1] < 0, projected[:, 1] > size]
    )
    return np.asarray(~outside[:, triangles].all(axis=2).any(axis=0))


def _light(normal: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
    lamp = np.array([0.0, 0.42, 0.907])
    facing = normal[:, 2]
    lit = 0.30 + 0.45 * np.maximum(normal @ lamp, 0) + 0.25 * np.maximum(facing, 0)
    return np.where(facing > 0, lit, 0.12)


def _albedo(canvas: Canvas, triangle: np.ndarray, weights: np.ndarray) -> Float[np.ndarray, "N 3"]:
    if not canvas.has_colour:
        return np.full((len(triangle), 3), GREY_SKIN)
    if canvas.vertex_colours is not None:
        corners = canvas.vertex_colours[canvas.triangles[triangle]]
        colour = np.einsum("nk,nkc->nc", weights, corners)
    else:
        colour = np.full((len(triangle), 3), GREY_SKIN)
    if canvas.corner_uvs is not None and canvas.triangle_texture is not None:
        uv = np.einsum("nk,nkc->nc", weights, canvas.corner_uvs[triangle])
        for i, texture in enumerate(canvas.textures):
            mine = canvas.triangle_texture[triangle] == i
            colour[mine] = sample_texture(texture, uv[mine])
    return colour


def _expose(colour: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, "N 3"]:
    """Brought to the brightness of an ordinary photograph: dark scans are found no worse than light ones."""
    if not len(colour):
        return colour
    level = float(np.percentile(colour.max(axis=1), 90))
    return np.clip(colour * (0.85 / max(level, 0.02)), 0.0, 1.0)


def scan_vertex_colours(scan: Scan) -> Float[np.ndarray, "N 3"] | None:
    """One colour a vertex (sRGB, 0..1), looked up in the textures where the scan has them; of a vertex with
    several texture coordinates at the last of its corners."""
    if not scan.textures or scan.corner_uvs is None:
        return scan.vertex_colours
    corner = np.zeros(len(scan.vertices), np.int64)
    corner[scan.triangles.ravel()] = np.arange(scan.triangles.size)
    which = np.zeros(len(corner), int)
    if scan.triangle_texture is not None:
        which = scan.triangle_texture[corner // 3]
    uv = scan.corner_uvs.reshape(-1, 2)[corner]
    colours = np.full((len(scan.vertices), 3), GREY_SKIN)
    if scan.vertex_colours is not None:
        colours = scan.vertex_colours.copy()
    for i, image in enumerate(scan.textures):
        rows = which == i
        colours[rows] = sample_texture(image, uv[rows])
    return colours
