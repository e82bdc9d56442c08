"""Run by Blender's own Python: imports a GLB and saves what Blender made of it.

    .venv-blender/bin/python tests/blender/read_glb.py FILE.glb OUT.npz

`OUT.npz`: positions (N, 3) and offsets (K, N, 3) of the morphed mesh in glTF's axes (Blender is Z up),
vertex_id (N,), tangents and their signs for each loop by MikkTSpace, and JSON in `facts`.
"""

import json
import sys

import bpy
import numpy as np


def main(glb: str, out: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=glb, merge_vertices=False, bone_heuristic="TEMPERANCE")
    (head,) = [o for o in bpy.data.objects if o.type == "MESH" and o.data.shape_keys]
    (armature,) = [o for o in bpy.data.objects if o.type == "ARMATURE"]
    keys = list(head.data.shape_keys.key_blocks)
    basis = coordinates(keys[0].data)
    ids = np.empty(len(head.data.vertices), np.float32)
    head.data.attributes["_VERTEX_ID"].data.foreach_get("value", ids)
    facts = {
        "keys": [key.name for key in keys[1:]],
        "values": [key.value for key in keys[1:]],
        "bones": [bone.name for bone in armature.data.bones],
        "groups": [group.name for group in head.vertex_groups],
        "materials": [material.name for material in head.data.materials],
        "object_scale": list(head.scale),
        "images": [[image.name, *image.size] for image in bpy.data.images if image.size[0]],
    }
    np.savez(
        out,
        positions=basis,
        offsets=np.stack([coordinates(key.data) - basis for key in keys[1:]]),
        vertex_id=ids,
        facts=json.dumps(facts),
        **loops(head.data),
    )


def coordinates(data) -> np.ndarray:
    """Blender's (x, y, z) back to glTF's (x, z, -y)."""
    flat = np.empty(3 * len(data), np.float32)
    data.foreach_get("co", flat)
    x, y, z = flat.reshape(-1, 3).T
    return np.stack([x, z, -y], axis=1)


def loops(mesh) -> dict[str, np.ndarray]:
    """Blender's own MikkTSpace tangents (it runs the reference code), by loop."""
    mesh.calc_tangents()
    count = len(mesh.loops)
    vertex = np.empty(count, np.int32)
    tangent, normal, sign = (np.empty(n * count, np.float32) for n in (3, 3, 1))
    mesh.loops.foreach_get("vertex_index", vertex)
    mesh.loops.foreach_get("tangent", tangent)
    mesh.loops.foreach_get("normal", normal)
    mesh.loops.foreach_get("bitangent_sign", sign)
    material = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", material)
    axes = [tangent.reshape(-1, 3), normal.reshape(-1, 3)]
    turned = [np.stack([a[:, 0], a[:, 2], -a[:, 1]], axis=1) for a in axes]
    return {
        "loop_vertex": vertex,
        "loop_tangent": turned[0],
        "loop_normal": turned[1],
        "loop_sign": sign,
        "loop_material": np.repeat(material, 3),
    }


if __name__ == "__main__":
    main(*sys.argv[-2:])
