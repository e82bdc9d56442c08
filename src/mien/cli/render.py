"""`mien render` and `mien sheet`: pictures of what was made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional


@dataclass(frozen=True)
class RenderCommand:
    """Path-trace an asset (needs the extra "render")."""

    asset: Positional[Path]
    """An asset folder."""
    out: Path
    """PNG file to write; with --turntable a folder of numbered pictures."""
    hdri: Path | None = None
    """Environment light, .hdr or .exr in lat-long; a studio of our own when left out."""
    expression: str = ""
    """Shape weights, as in jawOpen=0.7,mouthSmileLeft=0.5."""
    view: Literal["front", "three-quarter", "side"] = "front"
    """Where the camera stands."""
    turntable: int = 0
    """Number of pictures round the head; 0 for one picture."""
    clay: bool = False
    """Untextured, under grazing light."""
    size: int = 1024
    """Width and height in pixels."""
    samples: int = 64
    """Paths a pixel."""


@dataclass(frozen=True)
class SheetCommand:
    """Draw all 52 shapes in clay, front, three-quarter and side."""

    out: Positional[Path]
    """PNG file to write."""
    asset: Path | None = None
    """An asset folder; the template when left out."""
    tile: int = 256
    """Pixels a picture."""


def run_render(command: RenderCommand) -> int:
    """One picture or a turntable; returns the exit status."""
    from mien.pipeline.render import render

    written = render(
        command.asset,
        command.out,
        hdri=command.hdri,
        expression=command.expression,
        view=command.view,
        turntable=command.turntable,
        clay=command.clay,
        size=command.size,
        samples=command.samples,
    )
    print(f"{written}")
    return 0


def run_sheet(command: SheetCommand) -> int:
    """All blendshapes in clay; returns the exit status."""
    from mien.pipeline.render import draw_shapes

    print(draw_shapes(command.out, command.asset, command.tile))
    return 0
