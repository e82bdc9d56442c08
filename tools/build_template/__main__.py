"""`python -m tools.build_template`: rebuilds the shipped template, byte for byte the same."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien.template.load import ASSETS, write_template
from tools.build_template.assemble import build_template
from tools.build_template.identity import pack_identity
from tools.build_template.source import load_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSETS)
    options = parser.parse_args()
    template, skin = build_template(load_source())
    options.out.mkdir(parents=True, exist_ok=True)
    packed = pack_identity(template.identity, skin.subdivision)
    write_template(
        template, packed, options.out / "template.safetensors", options.out / "identity.safetensors"
    )
    for part in template.parts:
        vertices, quads = part.vertices, part.quads
        print(
            f"{part.name:20} {vertices.stop - vertices.start:6} vertices {quads.stop - quads.start:6} quads"
        )


if __name__ == "__main__":
    main()
