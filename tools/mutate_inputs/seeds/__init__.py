"""The whole small files that are mutated: every format that Mien reads, in several of its forms."""

from tools.mutate_inputs.seeds.beside import landmark_seeds, mask_seeds
from tools.mutate_inputs.seeds.gltf import gltf_seeds
from tools.mutate_inputs.seeds.images import image_seeds
from tools.mutate_inputs.seeds.obj import obj_seeds
from tools.mutate_inputs.seeds.parts import Seed
from tools.mutate_inputs.seeds.ply import ply_seeds
from tools.mutate_inputs.seeds.stl import stl_seeds


def all_seeds() -> list[Seed]:
    """Every seed; the same bytes on every run."""
    makers = obj_seeds, ply_seeds, stl_seeds, gltf_seeds, image_seeds, landmark_seeds, mask_seeds
    return [seed for make in makers for seed in make()]
