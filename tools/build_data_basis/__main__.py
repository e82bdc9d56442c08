"""`python -m tools.build_data_basis --out FILE`: compiles the face database's basis.

The same inputs give the same bytes. `python -m tools.build_assets basis` puts it among the assets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mien.synth.identity.basis import write_basis
from mien.template.load import load_template
from tools.build_data_basis.compile import compile_basis
from tools.build_data_basis.report import print_report
from tools.build_template.parts_lidfit import settle_lids, tuck_sockets
from tools.build_template.skin import build_skin
from tools.build_template.source import load_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    source = load_source()
    skin = tuck_sockets(settle_lids(build_skin(source)))
    basis, stage = compile_basis(skin, source, load_template())
    write_basis(basis, options.out)
    print_report(options.out, skin, stage)


if __name__ == "__main__":
    main()
