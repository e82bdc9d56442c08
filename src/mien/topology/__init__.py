"""A studio's own base mesh: the head, its 52 shapes, joints and maps on somebody else's topology and UVs."""

from mien.topology.asset import on_base_mesh
from mien.topology.base import BaseMesh, read_base_mesh
from mien.topology.bind import BaseFit, BoundMesh, bind_base_mesh, fit_base_mesh
from mien.topology.ict import ict_folder

__all__ = [
    "BaseFit",
    "BaseMesh",
    "BoundMesh",
    "bind_base_mesh",
    "fit_base_mesh",
    "ict_folder",
    "on_base_mesh",
    "read_base_mesh",
]
