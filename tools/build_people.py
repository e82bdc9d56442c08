"""`python -m tools.build_people --out FILE`: the linear model of heads that registration fits.

Principal components (`mien.model.pca`) of the neutral skins of the face database's first training
subjects and of as many random heads of the template's own modes (identity.safetensors): a model of the
former alone fits the latter worse. Minutes, the same bytes each time; `python -m tools.build_assets people`
puts it among the assets. What it does for scans:
`mien evaluate people --scans ...`; grown by a user's own heads: `mien data model`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from mien.anatomy.parts import settle_lids
from mien.core.face import Template
from mien.database.release import SEED, split_indices
from mien.geometry.solve import SpdSolver
from mien.model.pca import aligned_skins, database_skins, fit_pca, importance
from mien.model.pca_file import People, save_people
from mien.synth.identity.basis import load_basis
from mien.synth.subject import draw_subject
from mien.template.load import load_template

SUBJECTS, RANDOM, MODES = 2_000, 2_000, 150
RANDOM_SEED, LIMIT = 41, 2.5  # standard deviations; beyond it linear modes leave what people look like


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    basis, template = load_basis(), load_template()
    people = [draw_subject(SEED, index) for index in split_indices("train")[:SUBJECTS]]
    goal = basis.mean.astype(np.float64)
    randoms = aligned_skins(random_skins(template, basis.n_skin), goal, template)
    skins = [database_skins(basis, people, template), randoms]
    model = fit_pca(np.concatenate(skins), importance(template, goal), MODES)
    offset = model.mean - template.vertices[: basis.n_skin]
    cage = to_cage(np.concatenate([offset[None], model.modes]), basis.subdivision.astype(np.float64))
    save_people(People(model), given.out, cage)
    print(f"{given.out}: {len(cage)} modes, {model.explained[-1]:.2%} of the variance, "
          f"{given.out.stat().st_size / 1e6:.1f} MB")  # fmt: skip


def random_skins(template: Template, n_skin: int) -> Iterator[np.ndarray]:
    """Skins (S, 3) of random weights of the template's modes, lids settled on the eyeballs."""
    rng = np.random.default_rng(RANDOM_SEED)
    for _ in range(RANDOM):
        weights = np.clip(rng.standard_normal(len(template.identity.modes)), -LIMIT, LIMIT)
        yield settle_lids(template, template.identity.heads(template.vertices, weights))[:n_skin]


def to_cage(modes: np.ndarray, subdivision: sp.csr_matrix) -> np.ndarray:
    """The cage offsets (K, C, 3) that subdivide closest to offsets of the skin (K, S, 3)."""
    n_skin, n_cage = subdivision.shape
    solver = SpdSolver((subdivision.T @ subdivision + 1e-6 * sp.eye(n_cage)).tocsc())
    flat = modes.transpose(1, 0, 2).reshape(n_skin, -1)
    return solver.solve(subdivision.T @ flat).reshape(n_cage, len(modes), 3).transpose(1, 0, 2)


if __name__ == "__main__":
    main()
