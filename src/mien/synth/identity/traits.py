"""The traits that no linear mode can hold: folds, bags, sagging, clefts, with the rules that drive them."""

from mien.synth.identity.trait_blobs import BLOBS
from mien.synth.identity.trait_lines import LINES
from mien.synth.identity.trait_types import STRONGEST, BlobTrait, LineTrait, Rule, Wave

__all__ = ["BLOBS", "LINES", "STRONGEST", "BlobTrait", "LineTrait", "Rule", "Wave"]
