"""A blind test: which of these clay heads were invented, and which are people?

    python -m tools.blind_heads OUT --ict FACEXMODEL [--scans SCAN ...] [--albedo IMAGE ...] [--seed 0]
        [--ages LOW HIGH]
    python -m tools.blind_heads OUT --score 1,4,7,...

OUT gets `head_01.png`, ... and `sheet.png`: half of the heads are the database's, half random people of
ICT-FaceKit and the given real scans, all registered to the template (about half a minute each) and drawn from
the same places in the same light. The key, which the judge must not see, is written beside it: OUT.key.json.
--ages invents people of these ages only: nearly all of ICT-FaceKit's people are young adults, so that 18 to
45 compares form with form, and every age asks for faces that the other half does not hold.
--score takes the numbers that the judge held for invented.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path

import cv2
import numpy as np
from scipy import stats

from mien.core.face import PreparedScan
from mien.database.release import SEED, split_indices
from mien.evaluate.measures.ict_facekit import read_ict_people
from mien.meshio.load import load_scan
from mien.register.rescale import settle_unit
from mien.register.run import register
from mien.scan.clean import clean_scan
from mien.scan.prepare import prepare_scan
from mien.sheets.database_sheets import clay_tiles
from mien.synth.identity.basis import load_basis
from mien.synth.identity.heads import neutral_head
from mien.synth.subject import AGE_RANGE, Subject, draw_subject
from mien.template.load import load_template

HEADS, COLUMNS, WIDTH = 24, 6, 300
YAWS = (-38.0, 0.0, 0.0, 24.0, 50.0)
AIM = 0.65
INVENTED, ICT = "database", "ICT-FaceKit"


@dataclass(frozen=True)
class Score:
    """Share of heads put where they belong, its 95 % interval, and how likely guessing does as well."""

    right: int
    heads: int
    rate: float
    low: float
    high: float
    by_chance: float


def score(key: dict[str, str], named: set[int]) -> Score:
    """`key` names each head's origin by number; `named` are those held for invented. Clopper-Pearson 1934."""
    truth = {int(number): origin == INVENTED for number, origin in key.items()}
    unknown = named - truth.keys()
    if unknown:
        raise SystemExit(f"no head {sorted(unknown)[0]}: the key has 1 to {len(truth)}")
    right = sum((number in named) == invented for number, invented in truth.items())
    test = stats.binomtest(right, len(truth), 0.5, alternative="greater")
    interval = stats.binomtest(right, len(truth)).proportion_ci(0.95)
    return Score(right, len(truth), right / len(truth), interval.low, interval.high, test.pvalue)


def shuffled(origins: list[str], seed: int) -> tuple[np.ndarray, dict[str, str]]:
    """The order in which heads are shown, and the key of it."""
    order = np.random.default_rng([seed, 7]).permutation(len(origins))
    return order, {str(number): origins[index] for number, index in enumerate(order, start=1)}


def invented(count: int, heads: int, seed: int, ages: tuple[float, float]) -> list[Subject]:
    """The next `count` subjects of the test split from this seed's place that are of these ages (years)."""
    indices = split_indices("test")
    turned = np.roll(indices, -((heads * seed) % 900))
    subjects = (draw_subject(SEED, int(index)) for index in turned)
    found = list(islice((one for one in subjects if ages[0] <= one.age <= ages[1]), count))
    if len(found) < count:
        raise SystemExit(f"--ages {ages[0]:g} {ages[1]:g}: {len(found)} such subjects, {count} are needed")
    return found


def draw(
    out: Path, people: list[tuple[str, PreparedScan]], heads: int, seed: int, ages: tuple[float, float]
) -> None:
    template = load_template()
    found: list[tuple[str, np.ndarray]] = []
    for subject in invented(heads - len(people), heads, seed, ages):
        found.append((INVENTED, neutral_head(load_basis(), subject, parts=True)))
    for name, prepared in people:
        print(f"registering {name} {prepared.scan.name}", flush=True)
        _, fitted = settle_unit(template, prepared, register(template, prepared))
        found.append((name, fitted.vertices.astype(np.float32)))
    order, key = shuffled([name for name, _ in found], seed)
    rng = np.random.default_rng([seed, 8])
    tiles = [clay_tiles(found[index][1], [float(rng.choice(YAWS))], WIDTH)[0] for index in order]
    out.mkdir(parents=True, exist_ok=True)
    for number, tile in enumerate(tiles, start=1):
        cv2.putText(
            tile, str(number), (10, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (235, 235, 235), 2, cv2.LINE_AA
        )
        cv2.imwrite(str(out / f"head_{number:02d}.png"), tile[..., ::-1])
    rows = [np.hstack(tiles[k : k + COLUMNS]) for k in range(0, len(tiles) - COLUMNS + 1, COLUMNS)]
    cv2.imwrite(str(out / "sheet.png"), np.vstack(rows)[..., ::-1])
    key_path(out).write_text(json.dumps(key, indent=1) + "\n")


def key_path(out: Path) -> Path:
    return out.with_name(out.name + ".key.json")


def real_people(scans: list[Path], albedo: list[Path]) -> list[tuple[str, PreparedScan]]:
    pairs = zip_longest(scans, albedo)
    return [("scan", prepare_scan(clean_scan(load_scan(scan, colour)))) for scan, colour in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--ict", type=Path)
    parser.add_argument("--scans", type=Path, nargs="*", default=[])
    parser.add_argument("--albedo", type=Path, nargs="*", default=[])
    parser.add_argument("--heads", type=int, default=HEADS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ages", type=float, nargs=2, default=AGE_RANGE, metavar=("LOW", "HIGH"))
    parser.add_argument("--score", help="numbers held for invented, with commas")
    given = parser.parse_args()
    if given.score is not None:
        key = json.loads(key_path(given.out).read_text())
        got = score(key, {int(number) for number in given.score.split(",")})
        print(f"{got.right} of {got.heads} right: {got.rate:.0%} (95 %: {got.low:.0%} to {got.high:.0%}; "
              f"guessing does as well with p = {got.by_chance:.2f}); aim at most {AIM:.0%}")  # fmt: skip
        return
    people = real_people(given.scans, given.albedo)
    missing = given.heads // 2 - len(people)
    if missing > 0:
        if given.ict is None:
            parser.error(
                f"{len(people)} scans, {given.heads // 2} people are needed; give --ict for the rest"
            )
        source = read_ict_people(given.ict)
        people += [(ICT, source.person(1000 * given.seed + index)) for index in range(missing)]
    draw(given.out, people[: given.heads // 2], given.heads, given.seed, tuple(given.ages))


if __name__ == "__main__":
    main()
