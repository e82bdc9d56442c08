"""OBJ files with their materials and textures."""

from __future__ import annotations

from collections.abc import Iterator

from tools.mutate_inputs.seeds.parts import Seed, picture, sheet, text

_MATERIALS = [
    "newmtl skin", "Kd 0.8 0.6 0.5", "map_Kd -s 1 1 1 -o 0 0 skin.png", "map_bump -bm 1 skin.png",
    "newmtl cloth", "Kd 0 1 0", "map_Ka skin.png",
]  # fmt: skip
_POLYGONS = [
    "f 1 2 7 6", "f -1 -2 -7 \\", "-6", "usemtl cloth", "f 3/3 4/4 9/9 8/8 13/13", "vn 0 0 1", "s off",
    "g lips", "f 1//1 2//1 6//1",
]  # fmt: skip


def obj_seeds() -> Iterator[Seed]:
    """Textured, with colours of either kind, in UTF-16."""
    vertices, triangles, uvs = sheet()
    v = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    vt = [f"vt {a:.6f} {b:.6f}" for a, b in uvs]
    f = ["f " + " ".join(f"{i + 1}/{i + 1}/1" for i in t) for t in triangles]
    head = ["# Vertices: 25", "mtllib head.mtl", "o head", "usemtl skin"]
    beside = {"head.mtl": text(_MATERIALS), "skin.png": picture(".png")}
    for form, lines in (("", [*head, *v, *vt, *f]), (", polygons", [*head, *v, *vt, *f, *_POLYGONS])):
        yield Seed(f"obj{form}", "scan", {"head.obj": text(lines), **beside})
    legacy = ["mtllib h\xe4upt.mtl", "usemtl h\xe4ut", *v, *vt, *f]
    files = {
        "head.obj": text(legacy).decode().encode("latin-1"),
        "h\xe4upt.mtl": text(_MATERIALS).replace(b"newmtl skin", b"newmtl h\xe4ut"),
        "skin.png": picture(".png"),
    }
    yield Seed("obj, legacy names", "scan", files)
    yield Seed("obj, base mesh", "base mesh", {"head.obj": text([*head, *v, *vt, *f])})
    coloured = [f"{line} {i / 25:.3f} 0.5 0.25" for i, line in enumerate(v)]
    bare = ["f 1 2 7 6", "f 7 8 13"]
    yield Seed("obj, colours", "scan", {"head.obj": text([*coloured, *bare])})
    yield Seed("obj, polypaint", "scan", {"head.obj": text([*v, *["#MRGB " + "ff804020" * 5] * 5, *bare])})
    yield Seed("obj, UTF-16", "scan", {"head.obj": text([*v, *bare]).decode().encode("utf-16")})
