"""The compiled basis of the face database: all that geometry is made from, one safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float
from safetensors import safe_open
from safetensors.numpy import save_file

from mien.core.assets import asset_path
from mien.core.errors import MienError

FORMAT = 2


@dataclass(frozen=True)
class Axis:
    """A feature axis: rows of `SynthBasis.features` at its two ends (two rows where sides differ)."""

    name: str
    minus: tuple[int, ...]
    plus: tuple[int, ...]


@dataclass(frozen=True)
class Unit:
    """A form mode of an expression: the ARKit stem it changes, and what it is due to ("african", "style")."""

    stem: str
    cause: str


@dataclass(frozen=True, eq=False)
class SynthBasis:
    """Modes of the skin's cage (C vertices), to be subdivided onto the skin (S vertices); metres.

    `mean` is the skin of the mean young adult. `stage` are ICT-FaceKit's 100 identity modes, a standard
    deviation each; `attributes` what the 24 attribute targets add to what `stage` can follow, whose weights
    are `attribute_stage`; `spread` the Cholesky factor of the stage weights that attributes leave open.
    `features` are single targets at full weight, used by `axes`. `unit_modes` change the form of an
    expression, both sides of it, at full weight.
    """

    mean: Float[np.ndarray, "S 3"]
    subdivision: sp.csr_matrix
    stage: Float[np.ndarray, "K C3"]
    attributes: Float[np.ndarray, "24 C3"]
    attribute_stage: Float[np.ndarray, "24 K"]
    spread: Float[np.ndarray, "K K"]
    features: Float[np.ndarray, "F C3"]
    axes: tuple[Axis, ...]
    units: tuple[Unit, ...]
    unit_modes: Float[np.ndarray, "U C3"]

    @property
    def n_skin(self) -> int:
        """Number of skin vertices."""
        return len(self.mean)

    def skin(
        self,
        stage: Float[np.ndarray, " K"],
        attributes: Float[np.ndarray, "24"],
        features: Float[np.ndarray, " F"],
    ) -> Float[np.ndarray, "S 3"]:
        """The skin of these weights, single precision.

        One head at a time: a matrix product's last bits may depend on how many heads it makes at once.
        """
        used = np.flatnonzero(features)
        cage = stage.astype(np.float32) @ self.stage + attributes.astype(np.float32) @ self.attributes
        cage += features[used].astype(np.float32) @ self.features[used]
        return self.mean + self.subdivision @ cage.reshape(-1, 3)


@cache
def load_basis() -> SynthBasis:
    """The basis that ships with the package; loaded once, not to be written to."""
    return read_basis(asset_path("basis.safetensors"))


def read_basis(path: Path) -> SynthBasis:
    """Reads what `write_basis` wrote; another format is refused."""
    if not path.is_file():
        raise MienError(f"{path}: missing, expected the face database's basis; reinstall the package")
    with safe_open(path, framework="numpy") as stream:
        structure = json.loads(stream.metadata()["structure"])
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (no mapping)
    if structure["format"] != FORMAT:
        raise MienError(
            f"{path}: basis format {structure['format']}, expected {FORMAT}; reinstall the package"
        )
    subdivision = _unpack_matrix(tensors, structure["n_cage"])
    return SynthBasis(
        mean=tensors["mean"],
        subdivision=subdivision,
        stage=tensors["stage"].astype(np.float32),
        attributes=tensors["attributes"].astype(np.float32),
        attribute_stage=tensors["attribute_stage"].astype(np.float64),
        spread=tensors["spread"].astype(np.float64),
        features=_unpack_sparse(tensors, structure["n_cage"], "features"),
        axes=tuple(Axis(a["name"], tuple(a["minus"]), tuple(a["plus"])) for a in structure["axes"]),
        units=tuple(Unit(stem, cause) for stem, cause in structure["units"]),
        unit_modes=_unpack_sparse(tensors, structure["n_cage"], "units"),
    )


def write_basis(basis: SynthBasis, path: Path) -> None:
    """Half precision, the features sparse; the same basis gives the same bytes."""
    tensors = {
        "mean": basis.mean.astype(np.float32),
        "stage": basis.stage.astype(np.float16),
        "attributes": basis.attributes.astype(np.float16),
        "attribute_stage": basis.attribute_stage.astype(np.float32),
        "spread": basis.spread.astype(np.float32),
        **_pack_matrix(basis.subdivision),
        **_pack_sparse(basis.features, "features", 2e-6),
        **_pack_sparse(basis.unit_modes, "units", 10e-6),
    }
    axes = [{"name": a.name, "minus": list(a.minus), "plus": list(a.plus)} for a in basis.axes]
    units = [[u.stem, u.cause] for u in basis.units]
    structure = {"format": FORMAT, "n_cage": basis.subdivision.shape[1], "axes": axes, "units": units}
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    save_file(contiguous, path, metadata={"structure": json.dumps(structure, sort_keys=True)})
    path.chmod(0o644)


def _pack_matrix(matrix: sp.csr_matrix) -> dict[str, np.ndarray]:
    """A subdivision matrix has few distinct values: each entry is an index into their table."""
    table, index = np.unique(np.round(matrix.data, 9), return_inverse=True)
    if len(table) > 256:
        raise ValueError(f"{len(table)} distinct values in the subdivision matrix, expected at most 256")
    return {
        "subdivision.table": table.astype(np.float32),
        "subdivision.values": index.astype(np.uint8),
        "subdivision.columns": matrix.indices.astype(np.uint16),
        "subdivision.counts": np.diff(matrix.indptr).astype(np.uint8),
    }


def _unpack_matrix(tensors: dict[str, np.ndarray], n_cage: int) -> sp.csr_matrix:
    counts = tensors["subdivision.counts"].astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    values = tensors["subdivision.table"][tensors["subdivision.values"]]
    columns = tensors["subdivision.columns"].astype(np.int32)
    return sp.csr_matrix((values, columns, starts), (len(counts), n_cage))


def _pack_sparse(modes: Float[np.ndarray, "F C3"], name: str, least: float) -> dict[str, np.ndarray]:
    """Only the cage vertices that a mode moves by more than `least` metres."""
    offsets = modes.reshape(len(modes), -1, 3)
    moves = np.abs(offsets).max(axis=2) > least
    return {
        f"{name}.counts": moves.sum(axis=1).astype(np.uint16),
        f"{name}.rows": np.nonzero(moves)[1].astype(np.uint16),
        f"{name}.offsets": offsets[moves].astype(np.float16),
    }


def _unpack_sparse(tensors: dict[str, np.ndarray], n_cage: int, name: str) -> Float[np.ndarray, "F C3"]:
    counts = tensors[f"{name}.counts"].astype(np.int64)
    out = np.zeros((len(counts), n_cage, 3), np.float32)
    mode = np.repeat(np.arange(len(counts)), counts)
    out[mode, tensors[f"{name}.rows"]] = tensors[f"{name}.offsets"]
    return out.reshape(len(counts), -1)
