"""`python -m tools.build_template --out FOLDER`: compiles the template, byte for byte the same.

`python -m tools.build_assets template` puts it among the assets; `--report` measures what lies there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mien.core.assets import asset_path
from mien.template.load import IDENTITY, TEMPLATE, read_template, write_template
from tools.build_template.assemble import build_template
from tools.build_template.identity import pack_identity
from tools.build_template.report import print_report
from tools.build_template.source import load_source


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, help="a folder to write to")
    what.add_argument("--report", action="store_true", help="measure what ships, build nothing")
    options = parser.parse_args()
    if options.report:
        print_report(read_template(asset_path(TEMPLATE), asset_path(IDENTITY)))
        return
    files = options.out / TEMPLATE, options.out / IDENTITY
    template, skin = build_template(load_source())
    options.out.mkdir(parents=True, exist_ok=True)
    write_template(template, pack_identity(template.identity, skin.subdivision), *files)
    print_report(read_template(*files))


if __name__ == "__main__":
    main()
