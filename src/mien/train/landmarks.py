"""Trains the finder and the landmark network: `python -m mien.train.landmarks [--resume]`."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mien.nets.landmarks import FinderNet, LandmarkNet, fold_batch_norm
from mien.scan.landmarks.geometry_picture import REACH
from mien.train import checkpoint
from mien.train.landmark_data import CROPS, HELD_OUT_SEED, WHOLES, LandmarkBatch, draw_batch
from mien.train.landmark_loss import finder_loss, points_loss
from mien.train.replay import replayed

FACE_LENGTH_MM = 70.0


@dataclass(frozen=True)
class LandmarkTraining:
    """How long, how fast, where. `scans` a batch give so many `crops` and `wholes` each (0 wholes leave the
    finder as it is, 0 crops the landmark network); after each batch
    come `times` steps on pictures of the last `pool` batches, mixed and varied (`mien.train.replay`). The
    rate falls with the steps made or the minutes spent since the start, whichever are further on."""

    steps: int = 20_000
    minutes: float = float("inf")
    scans: int = 10
    crops: int = CROPS
    wholes: int = WHOLES
    times: int = 4
    pool: int = 120
    rate: float = 3e-3
    seed: int = 1
    average: float = 0.99  # decay of the running average of the weights, which is what ships
    held_out: int = 40
    save_seconds: float = 240.0
    threads: int = 1
    workers: int = 1
    folder: Path = Path("runs/landmarks")
    asset: Path | None = None  # where the best weights go, in half precision


class Nets(nn.Module):
    """Both networks, so that one optimizer and one average serve them."""

    def __init__(self) -> None:
        super().__init__()
        self.finder = FinderNet()
        self.points = LandmarkNet()


def train_landmarks(config: LandmarkTraining, resume: bool = False) -> float:
    """Trains to `config.steps`, going on from the folder's checkpoint if `resume`; the best held-out error in
    millimetres. The same seed sees the same scans in the same order."""
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    _keep_memory()
    run = _Run(config)
    if resume and run.path.exists():
        run.restore()
    held_out = _batch(_scans(config, HELD_OUT_SEED, 0, config.held_out))
    saved = started = time.monotonic()
    first = run.step
    for batch in _batches(config, first // config.times):
        run.spent = (time.monotonic() - started) / 60.0
        loss = run.learn(batch)
        done = run.progress() >= 1.0
        if run.step % 20 == 0 or done:
            pace = (run.step - first) / (time.monotonic() - started)
            _say(f"step {run.step}, {run.progress():.1%}  loss {loss:.4f}  {pace:.2f} steps/s")
        if done or time.monotonic() - saved > config.save_seconds:
            run.score(held_out)
            saved = time.monotonic()
        if done:
            break
    return run.best


def _keep_memory() -> None:
    """Has glibc reuse freed memory: mapping the same large arrays anew takes a fifth of each step."""
    import ctypes
    import ctypes.util

    name = ctypes.util.find_library("c")
    if sys.platform == "linux" and name:
        trim_threshold, mmap_max = -1, -4
        libc = ctypes.CDLL(name)
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


class _Run:
    """Networks, their average, the optimizer and what has been reached."""

    def __init__(self, config: LandmarkTraining) -> None:
        self.config = config
        self.path = config.folder / "state.safetensors"
        self.nets = Nets().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.nets).eval()
        self.optimizer = torch.optim.AdamW(self.nets.parameters(), config.rate, weight_decay=1e-3)
        self.step = 0
        self.spent = 0.0  # minutes
        self.best = float("inf")

    def progress(self) -> float:
        """0 at the start, 1 at the end."""
        return max(self.step / self.config.steps, self.spent / self.config.minutes)

    def learn(self, batch: tuple[Tensor, ...]) -> float:
        """One step on a batch; the loss."""
        crops, points, presence, wholes, poses, head = batch
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate * _schedule(self.progress(), self.step)
        self.nets.train()
        loss = torch.zeros(())
        with torch.autocast("cpu", torch.bfloat16):
            if len(crops):
                maps, error, chance = self.nets.points.maps_of(_unpacked(crops))
                loss = loss + points_loss(maps, error, chance, points, presence)
            if len(wholes):
                loss = loss + finder_loss(self.nets.finder(_unpacked(wholes)).float(), poses, head)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.nets.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        self._follow()
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(self.config.average, (1 + self.step) / (10 + self.step))
        pairs = zip(self.average.state_dict().values(), self.nets.state_dict().values(), strict=True)
        for slow, fast in pairs:
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - decay)

    @torch.no_grad()
    def score(self, held_out: tuple[Tensor, ...]) -> None:
        """Measures the average, saves the state, and the weights if they are the best so far."""
        crops, points, presence, wholes, poses, head = held_out
        now = 0.0
        if len(crops):
            now = self._score_points(crops, points, presence)
        if len(wholes):
            found = self.average.finder(_unpacked(wholes))
            missed = float(((found[:, 0] > 0) != (head > 0.5)).float().mean())
            off = float((found[:, 1:11] - poses)[head > 0.5].abs().mean())
            _say(f"step {self.step}: finder wrong {missed:.1%}, pose off {off:.3f}")
            now = now or off
        better, self.best = now < self.best, min(now, self.best)
        self._save()
        if better and self.config.asset is not None:
            export(self.average, self.config.asset)

    def _score_points(self, crops: Tensor, points: Tensor, presence: Tensor) -> float:
        seen, _, chance = self.average.points(_unpacked(crops))
        face = presence > 0.5
        error = (seen - points)[face].norm(dim=2) * REACH * FACE_LENGTH_MM
        inner, jaw = float(error[:, 17:].mean()), float(error[:, :17].mean())
        wrong = float(((chance > 0) != face)[presence > -0.5].float().mean())
        _say(
            f"step {self.step}: held out, inner {inner:.2f} mm, jaw {jaw:.2f} mm, presence wrong {wrong:.1%}"
        )
        return inner

    def _save(self) -> None:
        tensors = {f"nets.{k}": v for k, v in self.nets.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        tensors |= checkpoint.optimizer_tensors(self.optimizer)
        checkpoint.save(self.path, tensors, {"step": str(self.step), "best": repr(self.best)})

    def restore(self) -> None:
        """Goes on from the checkpoint."""
        tensors, notes = checkpoint.load(self.path)
        for name, net in (("nets.", self.nets), ("average.", self.average)):
            net.load_state_dict({k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)})
        checkpoint.restore_optimizer(self.optimizer, tensors)
        self.step, self.best = int(notes["step"]), float(notes["best"])


def _schedule(progress: float, step: int) -> float:
    """A short warm-up, then half a cosine down to one percent."""
    return min(1.0, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * min(progress, 1.0))))


def _unpacked(images: Tensor) -> Tensor:
    return (images.float() / 127.0).contiguous(memory_format=torch.channels_last)


def export(nets: Nets, path: Path) -> None:
    """The weights that inference reads: batch norms folded, half precision."""
    from safetensors.numpy import save_file

    rooms = (("finder", nets.finder), ("points", nets.points))
    tensors = {f"{room}.{k}": v for room, net in rooms for k, v in fold_batch_norm(net).items()}
    save_file({k: np.ascontiguousarray(v, np.float16) for k, v in sorted(tensors.items())}, path)


class _Batches(torch.utils.data.IterableDataset):
    """Endless; from fresh batch `first` on."""

    def __init__(self, config: LandmarkTraining, first: int) -> None:
        self.config, self.first = config, first

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        torch.set_num_threads(1)
        config = self.config
        firsts = (n * config.scans for n in count(self.first))
        fresh = (_fields(_scans(config, config.seed, first, config.scans)) for first in firsts)
        for crops, wholes in replayed(fresh, config.seed, config.pool, config.times):
            yield _tensors((*crops, *wholes))


def _scans(config: LandmarkTraining, seed: int, first: int, number: int) -> list[LandmarkBatch]:
    return [draw_batch(seed, first + i, config.crops, config.wholes) for i in range(number)]


def _fields(scans: list[LandmarkBatch]) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Crops with their truths, wholes with theirs."""
    names = (("crops", "points", "presence"), ("wholes", "poses", "head"))
    crops, wholes = (tuple(np.concatenate([getattr(s, n) for s in scans]) for n in part) for part in names)
    return crops, wholes


def _tensors(arrays: tuple[np.ndarray, ...]) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(a) for a in arrays)


def _batch(scans: list[LandmarkBatch]) -> tuple[Tensor, ...]:
    crops, wholes = _fields(scans)
    return _tensors((*crops, *wholes))


def _batches(config: LandmarkTraining, first: int) -> Iterator[tuple[Tensor, ...]]:
    """From fresh batch `first` on; they come as they are."""
    loader = torch.utils.data.DataLoader(
        _Batches(config, first),
        batch_size=None,
        num_workers=config.workers,
        prefetch_factor=4 if config.workers else None,
    )
    return map(tuple, loader)


def main() -> None:
    """Command line."""
    import tyro

    @dataclass(frozen=True)
    class Command(LandmarkTraining):
        resume: bool = False

    command = tyro.cli(Command)
    fields = {k: getattr(command, k) for k in LandmarkTraining.__dataclass_fields__}
    train_landmarks(LandmarkTraining(**fields), command.resume)


if __name__ == "__main__":
    main()
