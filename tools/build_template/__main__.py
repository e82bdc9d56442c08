"""`python -m tools.build_template`: rebuilds the shipped template, byte for byte the same."""

from __future__ import annotations

import argparse
from pathlib import Path

from mien.template.load import ASSETS, read_template, write_template
from tools.build_template.assemble import build_template
from tools.build_template.identity import pack_identity
from tools.build_template.report import print_report
from tools.build_template.source import load_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSETS)
    parser.add_argument("--report", action="store_true", help="measure what ships, build nothing")
    options = parser.parse_args()
    files = options.out / "template.safetensors", options.out / "identity.safetensors"
    if not options.report:
        template, skin = build_template(load_source())
        options.out.mkdir(parents=True, exist_ok=True)
        write_template(template, pack_identity(template.identity, skin.subdivision), *files)
    print_report(read_template(*files))


if __name__ == "__main__":
    main()
