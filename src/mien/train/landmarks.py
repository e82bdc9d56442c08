"""Trains the finder and the landmark network: `python -m mien.train.landmarks [--resume]`."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mien.nets.landmarks import FinderNet, LandmarkNet, folded
from mien.scan.face_points import MIRROR_68
from mien.scan.net_landmarks_image import REACH
from mien.train import checkpoint
from mien.train.landmark_data import HELD_OUT_SEED, Samples, samples
from mien.train.loss import finder_loss, points_loss

FACE_LENGTH_MM = 70.0


@dataclass(frozen=True)
class LandmarkTraining:
    """How long, how fast, where. `scans` a batch give six crops and three whole views each; every batch is
    learned from twice, as it is and mirrored."""

    steps: int = 3000
    scans: int = 10
    rate: float = 3e-3
    seed: int = 1
    average: float = 0.99  # decay of the running average of the weights, which is what ships
    held_out: int = 48
    save_seconds: float = 120.0
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
    run = _Run(config)
    if resume and run.path.exists():
        run.restore()
    held_out = _batch([samples(HELD_OUT_SEED, i) for i in range(config.held_out)])
    saved = started = time.monotonic()
    first = run.step
    for batch in _twice(_batches(config, first // 2)):
        loss = run.learn(batch)
        done = run.step >= config.steps
        if run.step % 20 == 0 or done:
            pace = (run.step - first) / (time.monotonic() - started)
            _say(f"step {run.step}/{config.steps}  loss {loss:.4f}  {pace:.2f} steps/s")
        if done or time.monotonic() - saved > config.save_seconds:
            run.score(held_out)
            saved = time.monotonic()
        if done:
            break
    return run.best


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
        self.best = float("inf")

    def learn(self, batch: tuple[Tensor, ...]) -> float:
        """One step on a batch; the loss."""
        crops, points, presence, wholes, poses, head = batch
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate * _schedule(self.step / self.config.steps, self.step)
        self.nets.train()
        with torch.autocast("cpu", torch.bfloat16):
            maps, error, chance = self.nets.points.maps_of(_unpacked(crops))
            found = self.nets.finder(_unpacked(wholes)).float()
        loss = points_loss(maps, error, chance, points, presence) + finder_loss(found, poses, head)
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
        seen, _, chance = self.average.points(_unpacked(crops))
        face = presence > 0.5
        error = (seen - points)[face].norm(dim=2) * REACH * FACE_LENGTH_MM
        inner, jaw = float(error[:, 17:].mean()), float(error[:, :17].mean())
        wrong = float(((chance > 0) != face)[presence > -0.5].float().mean())
        found = self.average.finder(_unpacked(wholes))
        missed = float(((found[:, 0] > 0) != (head > 0.5)).float().mean())
        off = float((found[:, 1:11] - poses)[head > 0.5].abs().mean())
        _say(f"step {self.step}: held out, inner {inner:.2f} mm, jaw {jaw:.2f} mm")
        _say(f"step {self.step}: presence wrong {wrong:.1%}, finder wrong {missed:.1%}, pose off {off:.3f}")
        better, self.best = inner < self.best, min(inner, self.best)
        self._save()
        if better and self.config.asset is not None:
            export(self.average, self.config.asset)

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
    tensors = {f"{room}.{k}": v for room, net in rooms for k, v in folded(net).items()}
    save_file({k: np.ascontiguousarray(v, np.float16) for k, v in sorted(tensors.items())}, path)


class _Scans(torch.utils.data.Dataset):
    def __init__(self, seed: int, first: int, count: int) -> None:
        self.seed, self.first, self.count = seed, first, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Samples:
        return samples(self.seed, self.first + index)


def _batch(scans: list[Samples]) -> tuple[Tensor, ...]:
    fields = ("crops", "points", "presence", "wholes", "poses", "head")
    return tuple(torch.from_numpy(np.concatenate([getattr(s, name) for s in scans])) for name in fields)


def _twice(batches: Iterator[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    for batch in batches:
        yield batch
        yield mirrored(batch)


def mirrored(batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The same pictures and truths in a mirror: right is left, and the subject's left is his right."""
    crops, points, presence, wholes, poses, head = batch
    points = points[:, MIRROR_68] * torch.tensor([-1.0, 1.0, 1.0])
    # centre x; the left axis keeps its x but turns its y and z; the up axis turns its x
    poses = poses * torch.tensor([-1.0, 1, 1, 1, 1, -1, -1, -1, 1, 1])
    return _flipped(crops), points, presence, _flipped(wholes), poses, head


def _flipped(images: Tensor) -> Tensor:
    images = images.flip(3)
    images[:, 0] = -images[:, 0]
    return images


def _batches(config: LandmarkTraining, done: int) -> Iterator[tuple[Tensor, ...]]:
    """From batch `done` on."""
    count = (config.steps + 1) // 2 - done
    scans = _Scans(config.seed, done * config.scans, count * config.scans)
    return iter(
        torch.utils.data.DataLoader(
            scans,
            batch_size=config.scans,
            num_workers=config.workers,
            collate_fn=_batch,
            prefetch_factor=4 if config.workers else None,
        )
    )


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
