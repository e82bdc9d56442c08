"""The traits that no linear mode can hold: folds, bags, sagging, clefts, with the rules that drive them."""

from mien.data.trait_blobs import BLOBS
from mien.data.trait_lines import LINES
from mien.data.trait_types import STRONGEST, BlobTrait, LineTrait, Rule, Wave

__all__ = ["BLOBS", "LINES", "STRONGEST", "BlobTrait", "LineTrait", "Rule", "Wave"]
