"""The shipped template: safetensors with its structure as JSON in the header."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from mien.core.assets import asset_path
from mien.core.conventions import SHAPE_NAMES
from mien.core.errors import MienError
from mien.core.face import Joint, LinearModel, Part, SurfacePoints, Template
from mien.core.mesh import Topology

TEMPLATE, IDENTITY, PEOPLE = "template.safetensors", "identity.safetensors", "people.safetensors"
FORMAT = 1  # of the files; raised when what they hold changes its meaning
_SHAPE_STEPS = 32767  # the largest 16-bit integer, for the largest offset of a shape


@dataclass(frozen=True)
class PackedIdentity:
    """The identity basis as shipped: modes of the skin's cage and of the other parts' vertices.

    `subdivision` (V_skin x C) is the Catmull-Clark step that takes the cage to the skin.
    """

    cage_modes: Float[np.ndarray, "K C 3"]
    part_modes: Float[np.ndarray, "K P 3"]
    subdivision: sp.csr_matrix

    def unpacked(self) -> LinearModel:
        """Modes of whole heads (K, V, 3), single precision."""
        count, n_cage, _ = self.cage_modes.shape
        flat = self.cage_modes.astype(np.float32).transpose(1, 0, 2).reshape(n_cage, -1)
        skin = (self.subdivision @ flat).reshape(-1, count, 3).transpose(1, 0, 2)
        return LinearModel(np.concatenate([skin, self.part_modes.astype(np.float32)], axis=1))


@cache
def load_template() -> Template:
    """The template that ships with the package; loaded once, arrays read-only in spirit (do not write)."""
    return replace(read_template(asset_path(TEMPLATE), asset_path(IDENTITY)), people=ShippedPeople())


class ShippedPeople(LinearModel):
    """The model of heads that ships, read when its modes are first asked for: only registration needs it,
    and it takes most of the time that loading the template would."""

    def __init__(self) -> None:
        """Nothing is read yet."""

    @cached_property
    def modes(self) -> Float[np.ndarray, "K V 3"]:  # type: ignore[override]
        """As `LinearModel.modes`."""
        return read_people(asset_path(PEOPLE))[0].modes


def read_template(template: Path, identity: Path) -> Template:
    """Reads what `write_template` wrote, without a model of people; refuses another format."""
    tensors, structure = _read(template)
    basis = _packed_identity(_read(identity)[0])
    n_vertices = len(tensors["vertices"])
    topology = Topology(
        n_vertices,
        tensors["quads"].astype(np.int64),
        tensors["uvs"].astype(np.float64),
        tensors["quad_uvs"].astype(np.int64),
    )
    weights = tensors["joint_weights"].astype(np.float64)
    regions = tensors["regions"].astype(np.float64) / 255
    return Template(
        vertices=tensors["vertices"].astype(np.float64),
        topology=topology,
        parts=tuple(_part(entry) for entry in structure["parts"]),
        mirror=tensors["mirror"].astype(np.int64),
        landmarks=_surface_points(tensors, "landmarks"),
        dense_landmarks=_surface_points(tensors, "dense_landmarks"),
        shapes=_unpack_shapes(tensors, n_vertices),
        joints=tuple(
            Joint(entry["name"], entry["parent"], np.array(entry["position"]))
            for entry in structure["joints"]
        ),
        joint_weights=weights / weights.sum(axis=1, keepdims=True),
        identity=basis.unpacked(),
        regions=dict(zip(structure["regions"], regions, strict=True)),
        loops={key[5:]: ids.astype(np.int64) for key, ids in tensors.items() if key.startswith("loop.")},
    )


def write_template(data: Template, basis: PackedIdentity, template: Path, identity: Path) -> None:
    """Writes both files; the same template gives the same bytes."""
    structure = {
        "format": FORMAT,
        "parts": [
            {
                "name": p.name,
                "material": p.material,
                "vertices": [p.vertices.start, p.vertices.stop],
                "quads": [p.quads.start, p.quads.stop],
            }
            for p in data.parts
        ],
        "joints": [
            {"name": j.name, "parent": j.parent, "position": [round(float(x), 9) for x in j.position]}
            for j in data.joints
        ],
        "regions": sorted(data.regions),
        "shapes": list(SHAPE_NAMES),
    }
    regions = np.stack([data.regions[name] for name in sorted(data.regions)])
    tensors = {
        "vertices": data.vertices.astype(np.float32),
        "quads": _small_int(data.topology.quads),
        "uvs": data.topology.uvs.astype(np.float32),
        "quad_uvs": _small_int(data.topology.quad_uvs),
        "mirror": _small_int(data.mirror),
        "joint_weights": data.joint_weights.astype(np.float16),
        "regions": np.rint(regions * 255).astype(np.uint8),
        **_pack_points(data.landmarks, "landmarks"),
        **_pack_points(data.dense_landmarks, "dense_landmarks"),
        **_pack_shapes(data.shapes),
        **{f"loop.{name}": _small_int(ids) for name, ids in data.loops.items()},
    }
    _write(template, tensors, structure)
    _write(identity, _pack_basis(basis), {"format": FORMAT})


def write_people(modes: Float[np.ndarray, "K N 3"], path: Path, about: dict[str, object]) -> None:
    """Writes a model of heads: its mean's offset from the template, then its modes, half precision.

    `modes` are of the skin's cage, which takes a third of the room, or of all the skin's vertices. `about`
    says what it stands for (see `mien.model.pca_file`). The same model gives the same bytes.
    """
    n_cage = _packed_identity(_read(asset_path(IDENTITY))[0]).subdivision.shape[1]
    name = "cage_modes" if modes.shape[1] == n_cage else "skin_modes"
    _write(path, {name: modes.astype(np.float16)}, {"format": FORMAT, **about})


def read_people(path: Path) -> tuple[LinearModel, dict[str, object]]:
    """The model of heads of a file that `write_people` wrote, for `Template.people`, and what it is about."""
    if not path.is_file():
        raise MienError(f"{path}: there is no such file; give a model that `mien data model` wrote")
    try:
        structure = _read(path)[1]
    except (SafetensorError, KeyError, TypeError) as error:
        raise MienError(
            f"{path}: is no model of heads ({error}); give one that `mien data model` wrote"
        ) from error
    basis = _packed_identity(_read(asset_path(IDENTITY))[0])
    n_vertices = len(_read(asset_path(TEMPLATE))[0]["vertices"])
    return _read_people(path, basis.subdivision, n_vertices), structure


def _read_people(path: Path, subdivision: sp.csr_matrix, n_vertices: int) -> LinearModel:
    tensors, (n_skin, n_cage) = _read(path)[0], subdivision.shape
    cage = tensors.get("cage_modes", np.zeros((0, n_cage, 3)))
    skin = tensors.get("skin_modes", np.zeros((0, n_skin, 3)))
    if cage.shape[1:] != (n_cage, 3) or skin.shape[1:] != (n_skin, 3) or len(cage) + len(skin) == 0:
        raise MienError(
            f"{path}: is no model of heads on this version's template; make it again: mien data model --add"
        )
    smooth = subdivision @ cage.astype(np.float32).transpose(1, 0, 2).reshape(n_cage, -1)
    modes = np.zeros((len(cage) + len(skin), n_vertices, 3), np.float32)
    modes[: len(cage), :n_skin] = smooth.reshape(n_skin, len(cage), 3).transpose(1, 0, 2)
    modes[len(cage) :, :n_skin] = skin
    return LinearModel(modes)


def _write(path: Path, tensors: dict[str, np.ndarray], structure: dict[str, object]) -> None:
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    save_file(contiguous, path, metadata={"structure": json.dumps(structure, sort_keys=True)})
    path.chmod(0o644)


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    if not path.is_file():
        raise MienError(f"{path}: missing, expected the template that ships with Mien; reinstall the package")
    with safe_open(path, framework="numpy") as stream:
        structure = json.loads(stream.metadata()["structure"])
        tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 (no mapping)
    if structure["format"] != FORMAT:
        raise MienError(
            f"{path}: template format {structure['format']}, expected {FORMAT}; reinstall the package"
        )
    return tensors, structure


def _pack_basis(basis: PackedIdentity) -> dict[str, np.ndarray]:
    matrix = basis.subdivision.tocsr()
    return {
        "cage_modes": basis.cage_modes.astype(np.float16),
        "part_modes": basis.part_modes.astype(np.float16),
        "subdivision.values": matrix.data.astype(np.float32),
        "subdivision.columns": _small_int(matrix.indices),
        "subdivision.starts": matrix.indptr.astype(np.int32),
    }


def _packed_identity(tensors: dict[str, np.ndarray]) -> PackedIdentity:
    starts, columns = tensors["subdivision.starts"], tensors["subdivision.columns"].astype(np.int32)
    shape = (len(starts) - 1, tensors["cage_modes"].shape[1])
    matrix = sp.csr_matrix((tensors["subdivision.values"], columns, starts), shape)
    return PackedIdentity(tensors["cage_modes"], tensors["part_modes"], matrix)


def _part(entry: dict) -> Part:
    return Part(entry["name"], entry["material"], slice(*entry["vertices"]), slice(*entry["quads"]))


def _small_int(values: np.ndarray) -> np.ndarray:
    return values.astype(np.uint16 if values.max() < 2**16 else np.int32)


def _pack_points(points: SurfacePoints, name: str) -> dict[str, np.ndarray]:
    return {
        f"{name}.triangle": points.triangle.astype(np.int32),
        f"{name}.barycentric": points.barycentric.astype(np.float32),
    }


def _surface_points(tensors: dict[str, np.ndarray], name: str) -> SurfacePoints:
    barycentric = tensors[f"{name}.barycentric"].astype(np.float64)
    return SurfacePoints(tensors[f"{name}.triangle"].astype(np.int64), barycentric)


def _pack_shapes(shapes: Float[np.ndarray, "52 V 3"]) -> dict[str, np.ndarray]:
    """Sparse 16-bit integers: one bit a vertex says whether it moves, one scale a shape (metres a step)."""
    scale = np.maximum(np.abs(shapes).max(axis=(1, 2)), 1e-6) / _SHAPE_STEPS
    steps = np.rint(shapes / scale[:, None, None]).astype(np.int16)
    moves = (steps != 0).any(axis=2)
    return {
        "shapes.scale": scale.astype(np.float64),
        "shapes.moves": np.packbits(moves, axis=1),
        "shapes.steps": steps[moves],
    }


def _unpack_shapes(tensors: dict[str, np.ndarray], n_vertices: int) -> Float[np.ndarray, "52 V 3"]:
    moves = np.unpackbits(tensors["shapes.moves"], axis=1, count=n_vertices).astype(bool)
    shapes = np.zeros((*moves.shape, 3))
    shapes[moves] = tensors["shapes.steps"]
    shapes *= tensors["shapes.scale"][:, None, None]
    return shapes
