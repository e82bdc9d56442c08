"""What to do with files that Mien does not read, by their ending."""

from __future__ import annotations

_BLENDER = "open it in Blender (File > Import) and export glTF 2.0 (.glb)"
_MESHLAB = "open it in MeshLab and export OBJ or PLY with its colours"
_ITSELF = "export glTF 2.0 (.glb) or OBJ from its own program"
_MESH_IT = "mesh it, for instance in CloudCompare or MeshLab (Poisson), and save PLY or OBJ"
_FORMATS = (
    ("an FBX file", _BLENDER, ".fbx"),
    ("a COLLADA file", _MESHLAB, ".dae"),
    ("a USD file", _BLENDER, ".usd .usda .usdc .usdz"),
    ("an Alembic file", _BLENDER, ".abc"),
    ("a Blender file", "open it in Blender and export glTF 2.0 (.glb)", ".blend"),
    ("a 3DS file", _MESHLAB, ".3ds"),
    ("an X3D or VRML file", _MESHLAB, ".x3d .x3dv .wrl .vrml"),
    ("an OFF file", _MESHLAB, ".off .coff"),
    ("a file for printing", "open it in a slicer such as PrusaSlicer and export STL or OBJ", ".3mf .amf"),
    ("a ZBrush file", "export OBJ from ZBrush, with UVs and texture, or with polypaint", ".ztl .zpr .zbr"),
    ("a Maya scene", "export OBJ from Maya, or FBX and from Blender glTF 2.0 (.glb)", ".ma .mb"),
    ("a scene of another program", _ITSELF, ".max .c4d .hip .hiplc .bgeo .lwo .lxo .skp .spp .mud"),
    ("a point cloud", _MESH_IT, ".e57 .xyz .las .laz .pcd .pts .ptx .asc"),
    ("a CAD file", "mesh it in its own program and export STL or OBJ", ".step .stp .iges .igs .brep"),
    ("a volume", "take out the skin's surface, as in 3D Slicer, and save STL or OBJ", ".dcm .nii .nrrd .mhd"),
    ("a VRM avatar", "that is a GLB by another name: rename it to .glb", ".vrm"),
    ("an archive", "unpack it and give the scan that is in it", ".zip .7z .rar .gz .tar"),
    ("a picture", "give the scan itself; a texture goes with --albedo",
     ".png .jpg .jpeg .tif .tiff .exr .tga .webp .bmp"),
    ("a material file", "give the .obj that names it", ".mtl"),
    ("a buffer of a glTF", "give the .gltf that names it", ".bin"),
)  # fmt: skip
_OF_ENDING = {ending: (what, advice) for what, advice, endings in _FORMATS for ending in endings.split()}


def what_to_do(ending: str) -> tuple[str, str]:
    """What a file of this ending (".fbx") is, with its article, and what to convert it with."""
    if not ending:
        return "a file without an ending", "give it the ending of its format"
    return _OF_ENDING.get(ending.lower(), (f"a {ending} file", "export the scan in one of these formats"))
