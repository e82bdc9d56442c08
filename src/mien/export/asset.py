"""The face asset: a rigged head that is written as an asset folder and read back from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from mien.export.folder import SUPPORTED_FORMATS, write_asset
from mien.export.read_asset import read_asset
from mien.rigging.head import RiggedHead
from mien.template.load import load_template


@dataclass(frozen=True)
class FaceAsset(RiggedHead):
    """A rigged head with its asset folder: `FaceAsset.load(DIR)`, `asset.save(DIR)`."""

    @classmethod
    def load(cls, folder: Path | str) -> FaceAsset:
        """Reads an asset folder (template, rig, maps, provenance, quality; the scan is not in it).

        Raises `MienError` where the folder is no asset, or one of another version of the template.
        """
        return cls.of(read_asset(Path(folder), load_template()))

    @classmethod
    def of(cls, head: RiggedHead) -> FaceAsset:
        """The asset that holds this head."""
        return cls(**{field.name: getattr(head, field.name) for field in fields(RiggedHead)})

    def save(
        self, out: Path | str, *, formats: Sequence[str] = SUPPORTED_FORMATS, force: bool = False
    ) -> None:
        """Writes the asset folder `out`, whole or not at all; its name becomes the asset's.

        Raises `MienError` where a format is unknown or `out` cannot be written; `force` replaces a non-empty
        folder.
        """
        write_asset(self, Path(out), formats=formats, force=force)
