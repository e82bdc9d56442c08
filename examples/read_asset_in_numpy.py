"""Read an asset in plain numpy: no Mien, only the GLB's own structure and asset.json.

python examples/read_asset_in_numpy.py ASSET
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np

TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}

folder = Path(sys.argv[1])
manifest = json.loads((folder / "asset.json").read_text())
glb = (folder / f"{manifest['name']}.glb").read_bytes()
length = struct.unpack_from("<I", glb, 12)[0]
document, binary = json.loads(glb[20 : 20 + length]), glb[28 + length :]


def view(accessor: dict, part: dict, count: int) -> np.ndarray:
    """Numbers of one buffer view (glTF 2.0, section 3.6); `part` is the accessor or a part of its sparse."""
    at = document["bufferViews"][part["bufferView"]].get("byteOffset", 0) + part.get("byteOffset", 0)
    dtype, width = TYPES[part.get("componentType", accessor["componentType"])], WIDTHS[accessor["type"]]
    width = 1 if part is accessor.get("sparse", {}).get("indices") else width
    return np.frombuffer(binary, dtype, count * width, at).reshape(count, width)


def read(number: int) -> np.ndarray:
    """An accessor; a sparse one holds only what is not zero."""
    accessor = document["accessors"][number]
    width = WIDTHS[accessor["type"]]
    out = np.zeros((accessor["count"], width), TYPES[accessor["componentType"]])
    if "bufferView" in accessor:
        out = view(accessor, accessor, accessor["count"]).copy()
    if sparse := accessor.get("sparse"):
        rows = view(accessor, sparse["indices"], sparse["count"])[:, 0]
        out[rows] = view(accessor, sparse["values"], sparse["count"])
    return out


head = next(mesh for mesh in document["meshes"] if "targets" in mesh["primitives"][0])
names = head["extras"]["targetNames"]
jaw = names.index("jawOpen")
print(f"{manifest['name']}: {len(names)} blendshapes, {len(head['primitives'])} materials")
for primitive in head["primitives"]:
    material = document["materials"][primitive["material"]]["name"]
    neutral = read(primitive["attributes"]["POSITION"])
    opened = neutral + read(primitive["targets"][jaw]["POSITION"])
    moved = 1000 * np.linalg.norm(opened - neutral, axis=1).max()
    print(f"  {material}: {len(neutral)} vertices; jawOpen moves it by up to {moved:.1f} mm")
print("unit:", manifest["space"]["unit"], "| files:", len(manifest["files"]))
