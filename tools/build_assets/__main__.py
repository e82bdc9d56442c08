"""Builds what ships in `src/mien/assets/`, and the demo scan.

    python -m tools.build_assets             # what is out of date, by hashes of what it is made from
    python -m tools.build_assets NAME ...    # these, whether out of date or not
    python -m tools.build_assets --check     # what is out of date, and why; exit 1 where anything is
    python -m tools.build_assets --verify NAME ...   # does building these anew give the bytes that ship?
    python -m tools.build_assets --list      # what there is, from what it is made, and how

Some are built on request only, for reasons that --list gives, or because today's code is known to make other
bytes. A build needs requirements/assets.txt and, for
those that --list names, upstream data in the folder $MIEN_DATA.
"""

from __future__ import annotations

import argparse
import sys

from mien.core.errors import MienError
from tools.build_assets.build import build, record, verify
from tools.build_assets.graph import FROZEN, NODES, Node, in_order, named, output_path
from tools.build_assets.inputs import inputs_of, note_of, reasons


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        nodes = named(options.names) if options.names else in_order()
        if options.list:
            print("\n".join(line for node in nodes for line in described(node)))
        elif options.check:
            return check(nodes)
        elif options.verify:
            return verify_all(nodes)
        elif options.record:
            record_as_is(nodes, named=bool(options.names))
        else:
            return build_all(nodes, asked=bool(options.names))
    except MienError as error:
        print(f"mien: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.build_assets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(node.name for node in NODES))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="build nothing, say what is out of date")
    what.add_argument("--list", action="store_true", help="build nothing, describe the graph")
    what.add_argument("--verify", action="store_true", help="build, compare, and replace nothing")
    what.add_argument(
        "--record",
        action="store_true",
        help="build nothing: list what lies there as made from NAME's inputs as they are now (once you have "
        "made sure that it is, or trained it elsewhere)",
    )
    return parser


def check(nodes: list[Node]) -> int:
    """A line for each output; 1 where any is out of date."""
    late = False
    for node in nodes:
        now = inputs_of(node)
        for output in node.outputs:
            found = reasons(node, output, now)
            print(f"{output}: {'; '.join(found) or 'up to date'}")
            late |= bool(found)
    return int(late)


def build_all(nodes: list[Node], *, asked: bool) -> int:
    """Builds the nodes that are out of date, or all where they were `asked` for by name."""
    built = 0
    for node in nodes:
        now = inputs_of(node)
        late = {output: why for output in node.outputs if (why := reasons(node, output, now))}
        found = [f"{output}: {'; '.join(why)}" for output, why in late.items()]
        held = node.held or ("today's code makes other bytes of it" if any(map(note_of, late)) else "")
        if found and held and not asked:
            print("\n".join([*found, f"{node.name}: {held}; when you mean it: {node.command}"]))
        elif found or asked:
            print("\n".join([*found, f"building {node.name} ..."]), flush=True)
            print("\n".join(build(node, replace_frozen=asked)))
            built += 1
    print(f"{built} of {len(nodes)} built")
    return 0


def verify_all(nodes: list[Node]) -> int:
    """Builds nodes aside and compares; 1 where any output has other bytes."""
    other = False
    for node in nodes:
        for output, same in verify(node).items():
            print(f"{output}: {'the same bytes' if same else 'OTHER BYTES'}", flush=True)
            other |= not same
    return int(other)


def record_as_is(nodes: list[Node], *, named: bool) -> None:
    """Lists outputs as they lie there as made from the inputs as they are now."""
    if not named:
        raise MienError("--record: no NAME was given; name what you have made sure of")
    for node in nodes:
        inputs = inputs_of(node)
        for output in node.outputs:
            record(node, output, output_path(output).read_bytes(), inputs)
            print(f"{output}: listed as made from its inputs as they are now")


def described(node: Node) -> list[str]:
    """A node in a few lines."""
    words = [f"python -m {node.module}", *node.arguments]
    inputs = [
        *node.assets,
        *(f"package {name}" for name in node.packages),
        *(f"$MIEN_DATA/{name}" for name in node.data),
    ]
    lines = [
        f"{node.name}: {', '.join(node.outputs)}  ({node.card})",
        f"    {' '.join(words).replace('{data}', '$MIEN_DATA').replace('{out}', 'OUT')}",
        f"    from {', '.join(inputs)}",
    ]
    if node.held:
        lines.append(f"    on request only: {node.held}")
    if set(node.outputs) & set(FROZEN):
        lines.append("    other bytes are taken on request only: the frozen face database is drawn from it")
    return lines


if __name__ == "__main__":
    sys.exit(main())
