"""The whole way from a scan to an asset: what the cache spares, and that it changes nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.pipeline.rig import rig_scan
from mien.pipeline.rig_options import RigOptions
from mien.pipeline.stages import FROM_CACHE

DEMO = Path(__file__).parent.parent / "examples" / "demo_scan.glb"
FITTED = (
    "fitting the template",
    "building the rig",
    "baking colour and maps",
    "drawing the preview",
    "drawing the error map",
)


@dataclass
class Run:
    """One asset, and the stages that were computed and fetched for it."""

    out: Path
    told: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, out: Path, **options: object) -> Run:
        run = cls(out)
        rig_scan(DEMO, out, RigOptions(**options), progress=run.told.append)  # type: ignore[arg-type]
        return run

    @property
    def computed(self) -> set[str]:
        return {name for name in self.told if not name.endswith(FROM_CACHE)} - {"writing the asset", "done"}

    @property
    def files(self) -> dict[str, bytes]:
        paths = [p for p in sorted(self.out.rglob("*")) if p.is_file()]
        return {p.relative_to(self.out).as_posix(): p.read_bytes() for p in paths}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run.of(tmp_path_factory.mktemp("first") / "head")


@pytest.mark.slow
def test_the_second_run_computes_nothing_and_gives_the_same_bytes(first: Run, tmp_path: Path) -> None:
    again = Run.of(tmp_path / "head")
    assert set(FITTED) <= first.computed
    assert again.computed == set()
    assert again.files == first.files


@pytest.mark.slow
def test_without_a_cache_the_bytes_are_the_same(first: Run, tmp_path: Path) -> None:
    plain = Run.of(tmp_path / "head", cache=False)
    assert not any(name.endswith(FROM_CACHE) for name in plain.told)
    differing = [name for name, data in plain.files.items() if first.files.get(name) != data]
    assert differing == []


@pytest.mark.slow
def test_a_moved_landmark_runs_the_fit_again_and_not_the_reading(first: Run, tmp_path: Path) -> None:
    content = json.loads((first.out / "scan" / "landmarks.json").read_text())
    points = np.array(content["scan"], float)
    eyes = np.linalg.norm(points[45] - points[36])
    content["scan"][48] = (points[48] + [0.03 * eyes, 0.0, 0.0]).tolist()
    (tmp_path / "edited.json").write_text(json.dumps(content))
    moved = Run.of(tmp_path / "head", landmarks=tmp_path / "edited.json")
    assert "reading the scan" not in moved.computed
    assert "painting eyes and mouth" not in moved.computed
    assert set(FITTED) <= moved.computed
    written = json.loads((moved.out / "scan" / "landmarks.json").read_text())
    np.testing.assert_allclose(written["scan"][48], content["scan"][48], atol=1e-6 * eyes)
    assert written["confidence"][48] == 1.0
    np.testing.assert_allclose(written["found"][48], points[48], atol=1e-6 * eyes)
    assert (
        json.loads((moved.out / "asset.json").read_text())["quality"]["registration_mm"][
            "placed_landmarks_max_mm"
        ]
        < 1.0
    )
    assert written["confidence"][:17] == content["confidence"][:17]


@pytest.mark.slow
def test_a_painted_mask_runs_only_the_fit_and_what_follows(first: Run, tmp_path: Path) -> None:
    mask = cv2.imread(str(first.out / "scan" / "mask.png"), cv2.IMREAD_GRAYSCALE)
    assert (mask == 255).mean() > 0.1
    mask[: len(mask) // 3] = 0
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    masked = Run.of(tmp_path / "head", mask=tmp_path / "mask.png")
    assert masked.computed == set(FITTED)
    before, after = (
        cv2.imread(str(run.out / "confidence.png"), cv2.IMREAD_GRAYSCALE).mean() for run in (first, masked)
    )
    assert after <= before
