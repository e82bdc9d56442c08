"""Renders for a blind test: which of eight clay heads are the scanned people?

    python -m tools.blind_match OUT ASSET SCAN ALBEDO [ASSET SCAN ALBEDO ...] [--heads 8] [--seed 0]

ASSET is a folder that `mien rig` wrote from SCAN with ALBEDO. OUT gets `scan_A.png`, ... (the raw scans),
`head_1.png`, ... (the rigged people as scanned and random heads of the template's linear model, shuffled) and
`key.json`, which the judge must not see. Shape only: no colour, the same light, the same three views.
"""

from __future__ import annotations

import argparse
import json
import string
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from mien.anatomy.parts import place_parts, settle_lids
from mien.export.read_asset import read_asset
from mien.geometry.align import transformed
from mien.meshio.load import load_scan
from mien.render.camera import standard_camera
from mien.render.raster import render_view
from mien.render.renderable import Renderable, renderable_from_scan, renderable_from_template
from mien.rigging.rig import Rig
from mien.scan.clean import clean_scan
from mien.synth.random_heads import random_head
from mien.template.load import load_template

SIZE = 512
VIEWS = ("front", "three-quarter", "side")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("people", type=Path, nargs="+", metavar="ASSET SCAN ALBEDO")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if len(arguments.people) % 3:
        parser.error("give an asset folder, its scan and its albedo, in turn")
    people = list(zip(*(arguments.people[n::3] for n in range(3)), strict=True))
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw_test(arguments.out, people, arguments.heads, arguments.seed)


def draw_test(out: Path, people: list[tuple[Path, Path, Path]], heads: int, seed: int) -> None:
    template = load_template()
    subjects: list[tuple[str, Renderable]] = []
    for letter, (folder, scan_path, albedo) in zip(string.ascii_uppercase, people, strict=False):
        asset = read_asset(folder, template)
        subject = renderable_from_template(template, asset.rig)
        scan = clean_scan(load_scan(scan_path, albedo))
        transform = np.array(json.loads((folder / "asset.json").read_text())["scan_to_asset"])
        upright = replace(scan, vertices=transformed(transform, scan.vertices))
        draw(out / f"scan_{letter}.png", renderable_from_scan(upright, frame=subject.frame))
        subjects.append((f"scan_{letter}", subject))
    for index in range(heads - len(people)):
        head = place_parts(template, settle_lids(template, random_head(seed, index)))
        rig = Rig.on(template, head)
        subjects.append(("random", renderable_from_template(template, rig)))
    order = np.random.default_rng(seed).permutation(len(subjects))
    for number, index in enumerate(order, start=1):
        draw(out / f"head_{number}.png", subjects[index][1])
    key = {f"head_{number}": subjects[index][0] for number, index in enumerate(order, start=1)}
    (out / "key.json").write_text(json.dumps(key, indent=1) + "\n")


def draw(path: Path, subject: Renderable) -> None:
    views = [
        render_view(subject, standard_camera(subject.frame, SIZE, SIZE, view), {}, "clay") for view in VIEWS
    ]
    cv2.imwrite(str(path), np.hstack(views)[..., ::-1])


if __name__ == "__main__":
    main()
