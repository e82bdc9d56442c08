"""The linear model of neutral heads: area-weighted principal components, to which newly registered heads add.

Heads are rows of skin vertices, rigidly aligned (never scaled) onto the mean by their faces, so that pose
is no mode. All is exact linear algebra on the smaller of both sides: the same heads give the same model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from jaxtyping import Float

from mien.core.face import LinearModel, Template
from mien.core.mesh import split_quads
from mien.geometry.align import fit_similarity
from mien.geometry.laplacian import lumped_mass
from mien.synth.identity.basis import SynthBasis
from mien.synth.identity.heads import head_maker
from mien.synth.subject import Subject

HEAD_WEIGHT, HIDDEN_WEIGHT = 0.05, 0.02  # of area outside the face part
_STRIP = 256  # heads aligned or multiplied at once: bounds memory


@dataclass(frozen=True, eq=False)
class PcaHeadModel:
    """Heads as mean + sum_k w_k modes_k, w ~ N(0, 1), over S skin vertices; metres.

    `modes` are one standard deviation each, the strongest first, orthogonal under `weights` (a share of the
    whole a vertex). `total` is the weighted variance of all heads (m²), `count` how many heads it stands for.
    """

    mean: Float[np.ndarray, "S 3"]
    modes: Float[np.ndarray, "K S 3"]
    weights: Float[np.ndarray, " S"]
    total: float
    count: float

    @property
    def variances(self) -> Float[np.ndarray, " K"]:
        """Weighted variance of each mode, m²."""
        return np.einsum("s,ksd->k", self.weights, self.modes.astype(np.float64) ** 2)

    @property
    def explained(self) -> Float[np.ndarray, " K"]:
        """Share of the variance that the first 1, 2, ... K modes hold."""
        return np.cumsum(self.variances) / self.total

    def coefficients(self, heads: Float[np.ndarray, "B S 3"]) -> Float[np.ndarray, "B K"]:
        """Standard deviations along each mode of heads that are aligned already."""
        out = np.empty((len(heads), len(self.modes)))
        scaled = self.modes * self.weights[:, None].astype(np.float32)
        flat = scaled.reshape(len(scaled), -1)
        for rows in _strips(len(heads)):
            away = heads[rows].astype(np.float64) - self.mean
            out[rows] = away.reshape(len(away), -1).astype(np.float32) @ flat.T
        return out / self.variances

    def heads(self, coefficients: Float[np.ndarray, "B C"]) -> Float[np.ndarray, "B S 3"]:
        """Heads of these coefficients; fewer than K leave the other modes out."""
        used = self.modes[: coefficients.shape[1]]
        offsets = coefficients.astype(np.float32) @ used.reshape(len(used), -1)
        return self.mean.astype(np.float32) + offsets.reshape(len(coefficients), -1, 3)


def fit_pca(heads: Float[np.ndarray, "B S 3"], weights: Float[np.ndarray, " S"], count: int) -> PcaHeadModel:
    """The `count` leading principal components of aligned heads, inner products weighted by `weights`.

    By the eigenvectors of the B x B matrix of inner products (Sirovich 1987), the economy singular value
    decomposition of few long rows. Each mode's largest entry is positive.
    """
    share = weights / weights.sum()
    mean = heads.mean(axis=0, dtype=np.float64)
    modes, total = _principal(heads - mean.astype(np.float32), share, count, float(len(heads)))
    return PcaHeadModel(mean, modes, share, total, float(len(heads)))


def add_heads(
    model: PcaHeadModel, heads: Float[np.ndarray, "B S 3"], weight: float = 1.0, count: int | None = None
) -> PcaHeadModel:
    """The model with aligned heads added that count `weight` times each, without the heads it was made of.

    Incremental principal components with a mean that moves (Ross et al. 2008, section 3.1): exact where no
    mode was cut off. `count` modes are kept, as many as before when left out.
    """
    added = weight * len(heads)
    together = model.count + added
    own = heads.mean(axis=0, dtype=np.float64)
    rows = [
        model.modes * np.float32(np.sqrt(model.count)),
        (heads - own).astype(np.float32) * np.float32(np.sqrt(weight)),
        ((own - model.mean) * np.sqrt(model.count * added / together)).astype(np.float32)[None],
    ]
    cut_off = (model.total - model.variances.sum()) * model.count
    modes, total = _principal(np.concatenate(rows), model.weights, count or len(model.modes), together)
    mean = (model.count * model.mean + added * own) / together
    return PcaHeadModel(mean, modes, model.weights, total + cut_off / together, together)


def _principal(
    rows: Float[np.ndarray, "B S 3"], share: Float[np.ndarray, " S"], count: int, divisor: float
) -> tuple[Float[np.ndarray, "K S 3"], float]:
    """Leading principal directions of centred rows, one standard deviation each, and the whole variance."""
    weighted = (rows * np.sqrt(share)[:, None].astype(np.float32)).reshape(len(rows), -1)
    products = (weighted @ weighted.T).astype(np.float64) / divisor
    count = min(count, len(rows))
    values, vectors = scipy.linalg.eigh(products, subset_by_index=[len(rows) - count, len(rows) - 1])
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > 1e-6 * values[0]
    flat = rows.reshape(len(rows), -1)
    modes = vectors[:, kept].T.astype(np.float32) @ flat / np.float32(np.sqrt(divisor))
    peak = np.take_along_axis(modes, np.abs(modes).argmax(axis=1)[:, None], axis=1)
    return (modes * np.sign(peak)).reshape(len(modes), *rows.shape[1:]), float(np.trace(products))


def importance(template: Template, mean: Float[np.ndarray, "S 3"]) -> Float[np.ndarray, " S"]:
    """Weight of each skin vertex: its area on the mean head, less on skull and neck, little in linings."""
    quads = template.topology.quads
    area = lumped_mass(mean, split_quads(quads[(quads < len(mean)).all(axis=1)]))
    weight = np.full(len(area), HIDDEN_WEIGHT)
    weight[template.part("face").vertices] = 1.0
    weight[template.part("head").vertices] = HEAD_WEIGHT
    return weight * area / (weight * area).sum()


def aligned_skins(
    skins: Iterator[Float[np.ndarray, "S 3"]] | Sequence[Float[np.ndarray, "S 3"]],
    goal: Float[np.ndarray, "S 3"],
    template: Template,
) -> Float[np.ndarray, "B S 3"]:
    """Skins rigidly aligned onto `goal` by their face parts, single precision."""
    face = template.part("face").vertices
    return np.stack(
        [
            fit_similarity(skin[face].astype(np.float64), goal[face], with_scale=False)(skin).astype(
                np.float32
            )
            for skin in skins
        ]
    )


def database_skins(
    basis: SynthBasis, subjects: Sequence[Subject], template: Template
) -> Float[np.ndarray, "B S 3"]:
    """The neutral skins of these subjects, aligned to the basis's mean."""
    maker = head_maker(basis)
    return aligned_skins((maker.head(s).skin for s in subjects), basis.mean.astype(np.float64), template)


def identity_about(
    model: PcaHeadModel, template: Template, centre: Float[np.ndarray, "S 3"] | None = None
) -> LinearModel:
    """The model as registration takes it: modes of whole heads about the template, eyes and teeth following.

    Registration starts from the template, so how far the mean lies from it becomes a mode of its own, at
    one standard deviation. Eyes, teeth and lashes move as `place_parts` moves them at ±1 standard deviation.
    """
    from mien.anatomy.parts import place_parts

    n_skin = len(model.mean)
    base = template.vertices[:n_skin] if centre is None else centre
    skin = np.concatenate([(model.mean - base)[None], model.modes])
    out = np.zeros((len(skin), *template.vertices.shape), np.float32)
    out[:, :n_skin] = skin
    for mode in out:
        ends = [place_parts(template, template.vertices + sign * mode)[n_skin:] for sign in (1.0, -1.0)]
        mode[n_skin:] = (ends[0] - ends[1]) / 2
    return LinearModel(out)


def _strips(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _STRIP, count)) for start in range(0, count, _STRIP))
