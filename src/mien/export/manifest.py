"""asset.json: what is in the folder, in which units, made from what. No times, hosts or paths."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from mien.core.conventions import SHAPE_NAMES
from mien.core.files import sha256_of
from mien.core.mesh import Topology
from mien.core.version import __version__
from mien.export.images import map_kind
from mien.export.mapinfo import MapInfo, map_info
from mien.rigging.head import RiggedHead

SCHEMA_VERSION = 1
TEMPLATE_LICENCE = {
    "what": "topology, UVs, generic shapes and secondary parts",
    "licence": "CC0-1.0 (MakeHuman) and MIT (ICT-FaceKit Light), see Mien's NOTICE",
}
_LICENCES = [
    TEMPLATE_LICENCE,
    {"what": "this person's form and colour", "licence": "that of the scan"},
]


def manifest(asset: RiggedHead, folder: Path) -> dict[str, Any]:
    """The content of asset.json for a folder whose other files are all written."""
    topology = asset.template.topology
    return {
        "format": "mien.asset",
        "schema_version": SCHEMA_VERSION,
        "name": asset.name,
        "space": {
            "unit": "metre",
            "handedness": "right",
            "up": "+Y",
            "forward": "+Z",
            "subject_left": "+X",
            "uv_origin": "bottom-left",
            "tangents": "MikkTSpace, normal maps green up",
        },
        "topology": {
            "vertices": topology.n_vertices,
            "quads": len(topology.quads),
            **({} if topology.polygons is None else {"polygons": len(topology.polygons.counts)}),
            "uvs": len(topology.uvs),
            "sha256": topology_sha256(topology),
            "parts": [
                {
                    "name": part.name,
                    "material": part.material,
                    **({"look": part.look} if part.look else {}),
                    "vertices": [int(part.vertices.start), int(part.vertices.stop)],
                    "quads": [int(part.quads.start), int(part.quads.stop)],
                }
                for part in asset.template.parts
            ],
        },
        "shapes": list(SHAPE_NAMES),
        "joints": [
            {"name": j.name, "parent": j.parent, "position": [round(float(v), 9) for v in j.position]}
            for j in asset.rig.joints
        ],
        "files": [_file_entry(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()],
        "scan_to_asset": None if asset.scan is None else asset.scan.transform.tolist(),
        "provenance": plain_json({"mien": __version__, **asset.provenance}),
        "quality": plain_json(asset.quality),
        "licences": plain_json(asset.provenance.get("licences", _LICENCES)),
    }


def topology_sha256(topology: Topology) -> str:
    """A digest of quads, UVs and UV indices: equal where vertices and maps can be exchanged."""
    digest = hashlib.sha256()
    for array, dtype in ((topology.quads, "<i4"), (topology.quad_uvs, "<i4"), (topology.uvs, "<f4")):
        digest.update(np.ascontiguousarray(array, dtype=dtype).tobytes())
    return digest.hexdigest()


def plain_json(value: object) -> Any:
    """Numpy numbers as plain ones, NaN and infinity as null, tuples as lists, paths refused."""
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"{type(value).__name__} cannot stand in asset.json")


def _file_entry(path: Path, folder: Path) -> dict[str, Any]:
    relative = path.relative_to(folder).as_posix()
    entry: dict[str, Any] = {"path": relative, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
    info = map_info(path)
    return entry if info is None else entry | _image_entry(relative, info)


def _image_entry(relative: str, info: MapInfo) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "width": info.width,
        "height": info.height,
        "channels": info.channels,
        "bit_depth": info.bit_depth,
        "colour_space": "srgb",
    }
    if relative.startswith("maps/") and relative.count("/") == 1:
        kind = map_kind(Path(relative).stem)
        entry["colour_space"] = kind.colour_space
        if kind.unit:
            entry |= {"unit": kind.unit, "midpoint": 0.0}
    elif relative == "confidence.png":
        entry["colour_space"] = "linear"
    return entry
