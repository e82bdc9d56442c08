"""The shading of visible points: diffuse light from below, two GGX lobes of lights and surroundings."""

from __future__ import annotations

from typing import no_type_check

import numpy as np
from numba import njit

from mien.render.environment import lookup_levels


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def turn_normals(normals, bump, along_u, along_v, triangle, views):
    """Turns normals, in place, by tangent-space `bump` (packed into 0..1; one row serves all) to unit
    length, and toward the viewer where they would face away."""
    for n in range(normals.shape[0]):
        m, t = min(n, bump.shape[0] - 1), triangle[n]
        x, y, z = normals[n, 0], normals[n, 1], normals[n, 2]
        inverse = 1.0 / np.sqrt(x * x + y * y + z * z + 1e-20)
        a, b, c = 2.0 * bump[m, 0] - 1.0, 2.0 * bump[m, 1] - 1.0, (2.0 * bump[m, 2] - 1.0) * inverse
        x = a * along_u[t, 0] + b * along_v[t, 0] + c * x
        y = a * along_u[t, 1] + b * along_v[t, 1] + c * y
        z = a * along_u[t, 2] + b * along_v[t, 2] + c * z
        inverse = 1.0 / np.sqrt(x * x + y * y + z * z + 1e-20)
        x, y, z = x * inverse, y * inverse, z * inverse
        away = max(0.02 - (x * views[n, 0] + y * views[n, 1] + z * views[n, 2]), 0.0)
        x, y, z = x + away * views[n, 0], y + away * views[n, 1], z + away * views[n, 2]
        inverse = 1.0 / np.sqrt(x * x + y * y + z * z + 1e-20)
        normals[n, 0], normals[n, 1], normals[n, 2] = x * inverse, y * inverse, z * inverse


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def shade_points(
    normals, views, diffuse, albedo, roughness, f0, openness, mirror, visibility, light_dirs, light_rgb,
    light_radius, levels, level_roughness, two_lobes, out,
):  # fmt: skip
    """Radiance toward the viewer, for N points at once.

    `diffuse` is irradiance / pi, `albedo` linear, `views` point to the eye; `mirror` is the share of the
    surroundings that a reflection sees past the subject itself. Skin has two lobes, the
    sharper with 0.75 and the wider with 1.35 times the roughness, mixed 0.8 to 0.2; others one.
    """
    reflection = np.empty(3, np.float32)
    for n in range(normals.shape[0]):
        nx, ny, nz = normals[n, 0], normals[n, 1], normals[n, 2]
        vx, vy, vz = views[n, 0], views[n, 1], views[n, 2]
        nv = max(nx * vx + ny * vy + nz * vz, np.float32(0.02))
        r = g = b = np.float32(0.0)
        lobes = 2 if two_lobes[n] else 1
        rx, ry, rz = 2 * nv * nx - vx, 2 * nv * ny - vy, 2 * nv * nz - vz
        for lobe in range(lobes):
            rough, share = roughness[n], np.float32(1.0)
            if lobes == 2:
                rough = rough * (0.75 if lobe == 0 else 1.35)
                share = np.float32(0.8) if lobe == 0 else np.float32(0.2)
            rough = min(max(rough, np.float32(0.04)), np.float32(1.0))
            alpha = rough * rough
            lookup_levels(levels, rx, ry, rz, _level_of(level_roughness, rough), reflection)
            scale = (
                share * env_brdf(f0[n], rough, nv) * specular_occlusion(openness[n], nv, alpha) * mirror[n]
            )
            r += scale * reflection[0]
            g += scale * reflection[1]
            b += scale * reflection[2]
            for k in range(light_dirs.shape[0]):
                lx, ly, lz = light_dirs[k, 0], light_dirs[k, 1], light_dirs[k, 2]
                nl = nx * lx + ny * ly + nz * lz
                if nl <= 0.0:
                    continue
                hx, hy, hz = lx + vx, ly + vy, lz + vz
                inv = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-12)
                nh = (nx * hx + ny * hy + nz * hz) * inv
                vh = (vx * hx + vy * hy + vz * hz) * inv
                term = (
                    share * ggx_sphere(nh, nl, nv, vh, rough, light_radius[k], f0[n]) * nl * visibility[n, k]
                )
                r += term * light_rgb[k, 0]
                g += term * light_rgb[k, 1]
                b += term * light_rgb[k, 2]
        # What the coat reflects does not enter the body below it.
        under = 1.0 - env_brdf(f0[n], roughness[n], nv) if f0[n] > 0.0 else np.float32(1.0)
        out[n, 0] = under * albedo[n, 0] * diffuse[n, 0] + r
        out[n, 1] = under * albedo[n, 1] * diffuse[n, 1] + g
        out[n, 2] = under * albedo[n, 2] * diffuse[n, 2] + b


@njit(cache=True, fastmath=True, inline="always")
@no_type_check
def _level_of(level_roughness, rough):
    last = level_roughness.shape[0] - 1
    for k in range(last):
        if rough < level_roughness[k + 1]:
            return k + (rough - level_roughness[k]) / (level_roughness[k + 1] - level_roughness[k])
    return float(last)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def ggx_sphere(nh, nl, nv, vh, rough, radius, f0):
    """GGX with Smith's visibility and Schlick's Fresnel, times no cosine; a round light of angular
    `radius` widens the lobe (Karis 2013, "Real Shading in Unreal Engine 4": alpha' = alpha + r / 2,
    with the peak lowered to keep the energy). Rough skin does not become a mirror at grazing angles:
    F90 is 1 - roughness (Lagarde 2011)."""
    wide = min(rough * rough + 0.5 * radius, 1.0)
    a2 = wide * wide
    d = nh * nh * (a2 - 1.0) + 1.0
    distribution = a2 / (np.pi * d * d)
    s2 = a2
    smith = nl * np.sqrt(nv * nv * (1.0 - s2) + s2) + nv * np.sqrt(nl * nl * (1.0 - s2) + s2)
    m = 1.0 - vh
    fresnel = f0 + (max(1.0 - rough, f0) - f0) * min(50.0 * f0, 1.0) * m * m * m * m * m
    return distribution * 0.5 / (smith + 1e-7) * fresnel


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def env_brdf(f0, rough, nv):
    """Directional albedo of GGX: Karis's fit of Lazarov's, "Physically Based Shading on Mobile" (2014)."""
    rx, ry = 1.0 - rough, 0.0425 - 0.0275 * rough
    rz, rw = 1.04 - 0.572 * rough, -0.04 + 0.022 * rough
    a = min(rx * rx, 2.0 ** (-9.28 * nv)) * rx + ry
    scale, bias = -1.04 * a + rz, 1.04 * a + rw
    # F90 fades with F0 below 0.02: a specular map of zero means no reflection at all.
    return max(f0 * scale + bias * min(50.0 * f0, 1.0), 0.0)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def specular_occlusion(openness, nv, alpha):
    """Lagarde and de Rousiers, "Moving Frostbite to PBR" (2014), listing 26."""
    value = (nv + openness) ** (2.0 ** (-16.0 * alpha - 1.0)) - 1.0 + openness
    return min(max(value, 0.0), 1.0)
