"""From radiance to the screen: a filmic curve, sRGB, and the averaging of samples."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from jaxtyping import Float
from numba import njit

_WHITE = 4.0  # exposed radiance that becomes white
_TOE = 0.010
_SLOPE = 0.85


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def develop(radiance, covered, exposure, background, factor, out):
    """Averages `factor` x `factor` tone-mapped samples (linear radiance) a pixel into sRGB bytes.

    Averaged after tone mapping, so that a bright edge does not become jagged. Uncovered samples show
    `background`: its first row at the top, its second at the bottom (display values).
    """
    rows, columns = out.shape[0], out.shape[1]
    scale = np.float32(255.0 / (factor * factor))
    for y in range(rows):
        fade = y / max(rows - 1, 1)
        for x in range(columns):
            r = g = b = np.float32(0.0)
            for sy in range(factor):
                for sx in range(factor):
                    fy, fx = y * factor + sy, x * factor + sx
                    if covered[fy, fx]:
                        c = radiance[fy, fx]
                        luminance = exposure * (0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2])
                        dim = film(luminance) / max(luminance, np.float32(1e-6))
                        r += _encoded(exposure * c[0], dim)
                        g += _encoded(exposure * c[1], dim)
                        b += _encoded(exposure * c[2], dim)
                    else:
                        r += background[0, 0] + (background[1, 0] - background[0, 0]) * fade
                        g += background[0, 1] + (background[1, 1] - background[0, 1]) * fade
                        b += background[0, 2] + (background[1, 2] - background[0, 2]) * fade
            out[y, x, 0] = int(r * scale + 0.5)
            out[y, x, 1] = int(g * scale + 0.5)
            out[y, x, 2] = int(b * scale + 0.5)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _encoded(x, dim):
    """A third of the compression acts on the luminance (`dim`), so that highlights keep some hue."""
    value = 0.65 * film(x) + 0.35 * min(x * dim, 1.0)
    value = min(max(value, 0.0), 1.0)
    return np.float32(12.92 * value if value <= 0.0031308 else 1.055 * value ** (1.0 / 2.4) - 0.055)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def film(x):
    """Reinhard's extended curve with a gentler middle and a short toe; 0 to 1 as x goes from 0 to 4."""
    toe = x * x / (x + _TOE)
    white2 = _WHITE * _WHITE / (1.0 + (_SLOPE - 1.0) * _WHITE)
    return toe * (1.0 + toe / white2) / (1.0 + _SLOPE * toe) if toe < _WHITE else 1.0


def film_plain(x: Float[np.ndarray, "*N"]) -> Float[np.ndarray, "*N"]:
    """`film` as a specification, on arrays."""
    toe = x * x / (x + _TOE)
    white2 = _WHITE**2 / (1.0 + (_SLOPE - 1.0) * _WHITE)
    return np.where(toe < _WHITE, toe * (1.0 + toe / white2) / (1.0 + _SLOPE * toe), 1.0)
