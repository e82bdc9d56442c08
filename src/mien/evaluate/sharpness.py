"""How much of a source's detail the bake keeps: gratings of known contrast on a scan of known shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mien.bake.colour import bake_colour, tile_of
from mien.bake.skin_prior import tone_colour
from mien.core.conventions import linear_to_srgb, srgb_to_linear, uv_to_pixel
from mien.core.face import PreparedScan, Template
from mien.core.mesh import Scan
from mien.evaluate.measures.aims import Aim
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.template.load import load_template

CONTRAST = 0.12  # of log light, either way
_ANGLE = np.radians(27.0)  # the source's pixels lie across the tile's
_FILLED = 0.6  # share of the source's width that the face takes
FOUR_PIXELS = 0.25  # cycles a source pixel
KEPT = Aim("contrast kept, wave of 4 source pixels, two texels a source pixel")
ALIASED = Aim("contrast that comes back of a wave of 1.3 texels, which the map cannot hold")


@dataclass(frozen=True)
class Grating:
    """A source texture of `pixels` a side with `cycles` a pixel along its rows, baked at `resolution`."""

    pixels: int
    cycles: float
    resolution: int

    @property
    def texels_per_pixel(self) -> float:
        """How many texels of the tile one source pixel is wide."""
        return self.resolution / (self.pixels * _FILLED)


GRATINGS = tuple(
    Grating(pixels, cycles, 512) for pixels in (427, 853, 1707) for cycles in (0.0625, 0.125, 0.25, 0.375)
)


@dataclass(frozen=True, kw_only=True)
class EvaluateSharpness(Evaluation):
    """Bakes gratings of known contrast from the texture of a scan of known shape and measures how much of the
    contrast comes through, beside what linear interpolation would keep; and that nothing comes back of what
    the baked map cannot hold."""

    def measure(self, say: Say) -> Findings:
        """A row a grating."""
        say(f"baking {len(GRATINGS)} gratings")
        rows = measure_gratings(load_template())
        finest = max(rows, key=lambda row: float(str(row["cycles_per_texel"])))
        plain = next(row for row in rows if row["cycles_per_pixel"] == FOUR_PIXELS)
        verdicts = (KEPT.judge(float(str(plain["kept"]))), ALIASED.judge(float(str(finest["kept"]))))
        return Findings({"sharpness": rows}, verdicts)


def measure_kept_contrast(template: Template, grating: Grating) -> float:
    """Contrast of the grating in the baked albedo over that in the source: 1 is all, 0 nothing."""
    prepared, matrix, shift = _scan(template, grating)
    baked = bake_colour(template, template.vertices, prepared, grating.resolution)
    tile = tile_of(template, "face", grating.resolution)
    rows, columns = np.nonzero(tile.covered)
    texel = np.stack([columns + 0.5, grating.resolution - rows - 0.5], axis=1) / grating.resolution
    phase = _phase(texel @ matrix.T + shift, grating)
    sure = _middle(baked.face_confidence.pixels[tile.covered][:, 0], texel)
    light = np.log(srgb_to_linear(baked.face_albedo.pixels[tile.covered][sure]).mean(axis=1))
    basis = np.stack([np.sin(phase[sure]), np.cos(phase[sure]), np.ones(sure.sum())], axis=1)
    found = np.linalg.lstsq(basis, light, rcond=None)[0]
    return float(found[0] / CONTRAST)


def compute_tent_contrast(cycles: float) -> float:
    """What linear interpolation would keep of a grating of that many cycles a source pixel."""
    return float(np.sinc(cycles) ** 2)


def measure_gratings(template: Template, gratings: tuple[Grating, ...] = GRATINGS) -> Rows:
    """A row per grating. Beyond half a cycle a texel the tile cannot hold it: there nothing must be left."""
    rows: Rows = []
    for grating in gratings:
        per_texel = grating.cycles / grating.texels_per_pixel
        rows.append(
            {
                "texels_per_pixel": grating.texels_per_pixel,
                "cycles_per_pixel": grating.cycles,
                "cycles_per_texel": per_texel,
                "holdable": per_texel < 0.5,
                "kept": measure_kept_contrast(template, grating),
                "kept_by_linear_interpolation": compute_tent_contrast(grating.cycles),
            }
        )
    return rows


def _scan(template: Template, grating: Grating) -> tuple[PreparedScan, np.ndarray, np.ndarray]:
    """The template's face as a scan; its texture's coordinates are the tile's, turned and shrunk."""
    quads = np.zeros(len(template.topology.quads), bool)
    quads[template.part("face").quads] = True
    chosen = np.repeat(quads, 2)
    turn = np.array([[np.cos(_ANGLE), -np.sin(_ANGLE)], [np.sin(_ANGLE), np.cos(_ANGLE)]])
    matrix = _FILLED * turn
    shift = np.array([0.5, 0.5]) - matrix @ np.array([0.5, 0.5])
    uvs = template.topology.uvs[template.topology.triangle_uvs[chosen]] @ matrix.T + shift
    columns = (np.arange(grating.pixels) + 0.5) / grating.pixels
    row = np.exp(CONTRAST * np.sin(_phase(np.stack([columns, 0 * columns], axis=1), grating)))
    srgb = np.round(255 * linear_to_srgb(tone_colour(0.25) * row[:, None])).astype(np.uint8)
    triangles = template.topology.triangles[chosen]
    used, local = np.unique(triangles, return_inverse=True)
    scan = Scan(
        "grating",
        template.vertices[used],
        local.reshape(-1, 3).astype(np.int64),
        uvs,
        np.zeros(len(triangles), np.int64),
        (np.ascontiguousarray(np.broadcast_to(srgb, (grating.pixels, grating.pixels, 3))),),
    )
    landmarks = template.landmarks.on(template.vertices, template.topology)
    return PreparedScan(scan, np.eye(4), landmarks, np.ones(68), "metres"), matrix, shift


def _phase(uv: Float[np.ndarray, "N 2"], grating: Grating) -> Float[np.ndarray, " N"]:
    return 2 * np.pi * grating.cycles * uv_to_pixel(uv, grating.pixels, grating.pixels)[:, 0]


def _middle(confidence: np.ndarray, texel: np.ndarray) -> np.ndarray:
    """Surely measured texels of the cheeks, nose and forehead's middle."""
    return (confidence > 0.99) & (np.abs(texel - 0.5).max(axis=1) < 0.3)
