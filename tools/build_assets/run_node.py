"""`python -m tools.build_assets.run_node NODE MODULE ARGUMENT ...`: a module, run as by `python -m`.

It may read no asset that the node does not declare.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from mien.core import assets
from mien.core.errors import MienError
from tools.build_assets.graph import NODES


def main(node_name: str, module: str, arguments: list[str]) -> None:
    node = next(node for node in NODES if node.name == node_name)
    find = assets.asset_path

    def declared(name: str) -> Path:
        if name not in (*node.assets, *node.outputs):
            raise MienError(
                f"{node.name}: reads {name}, which its node in tools/build_assets does not declare"
            )
        return find(name)

    assets.asset_path = declared  # before anything else has imported it
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], sys.argv[3:])
    except MienError as error:
        sys.exit(f"mien: {error}")
