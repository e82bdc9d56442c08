"""`python -m tools.build_people`: the linear model of heads that registration fits, from the face database.

Principal components of the first training subjects' neutral skins (`mien.data.linear_model`); minutes, the
same bytes each time. How much of unseen heads it holds: `mien evaluate database`; what it does for scans:
`mien evaluate database --scans ...`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from mien.data.basis import load_basis
from mien.data.freeze import SEED, split_indices
from mien.data.linear_model import database_skins, fit_pca, importance
from mien.data.people import People, save_people
from mien.data.subject import draw_subject
from mien.geometry.solve import SpdSolver
from mien.template.load import ASSETS, load_template

SUBJECTS, MODES = 2_000, 140


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSETS / "people.safetensors")
    given = parser.parse_args()
    basis, template = load_basis(), load_template()
    people = [draw_subject(SEED, index) for index in split_indices("train")[:SUBJECTS]]
    skins = database_skins(basis, people, template)
    model = fit_pca(skins, importance(template, basis.mean.astype(np.float64)), MODES)
    offset = model.mean - template.vertices[: basis.n_skin]
    cage = to_cage(np.concatenate([offset[None], model.modes]), basis.subdivision.astype(np.float64))
    save_people(People(model), given.out, cage)
    print(f"{given.out}: {len(cage)} modes, {model.explained[-1]:.2%} of the variance, "
          f"{given.out.stat().st_size / 1e6:.1f} MB")  # fmt: skip


def to_cage(modes: np.ndarray, subdivision: sp.csr_matrix) -> np.ndarray:
    """The cage offsets (K, C, 3) that subdivide closest to offsets of the skin (K, S, 3)."""
    n_skin, n_cage = subdivision.shape
    solver = SpdSolver((subdivision.T @ subdivision + 1e-6 * sp.eye(n_cage)).tocsc())
    flat = modes.transpose(1, 0, 2).reshape(n_skin, -1)
    return solver.solve(subdivision.T @ flat).reshape(n_cage, len(modes), 3).transpose(1, 0, 2)


if __name__ == "__main__":
    main()
