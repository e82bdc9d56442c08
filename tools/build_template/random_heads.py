"""Random plausible heads from the source's attribute and feature targets."""

from __future__ import annotations

import itertools

import numpy as np

from tools.build_template.source import ANCESTRIES, Source, macro_mean

# Feature folders and how far a weight usually strays (standard deviation of the signed weight).
_FEATURES = {
    "head": 0.16, "nose": 0.26, "eyes": 0.22, "mouth": 0.24, "chin": 0.24, "cheek": 0.25, "ears": 0.30,
    "forehead": 0.22, "neck": 0.16, "eyebrows": 0.22,
}  # fmt: skip
_ASYMMETRY = 0.10
_SKIPPED = (
    "head-age",
    "head-fat",
    "head-angle",
    "head-trans",
    "neck-trans",
    "measure-neck-height",
    "shape-pointed",
)
_OPPOSITES = (
    ("-decr", "-incr"), ("-down", "-up"), ("-in", "-out"), ("-backward", "-forward"), ("-concave", "-convex"),
    ("-compress", "-uncompress"),
)  # fmt: skip


class HeadGenerator:
    """Heads as the mean plus weighted targets: attributes (age, sex, ancestry, weight) and features."""

    def __init__(self, source: Source):
        self.source = source
        self.features = _feature_axes(source)
        self._cache: dict[str, np.ndarray] = {}

    def offsets(self, rng: np.random.Generator) -> np.ndarray:
        """(N, 3) offsets from the mean of base.obj's vertices, metres."""
        out = self._attributes(rng)
        for axis in self.features:
            out += self._feature(axis, rng)
        return out

    def _attributes(self, rng: np.random.Generator) -> np.ndarray:
        weights = attribute_weights(
            age=rng.uniform(18, 80),
            sex=float(np.clip(rng.beta(0.6, 0.6), 0, 1)),
            ancestry=rng.dirichlet([0.45] * 3),
            weight=float(np.clip(0.5 + 0.2 * rng.standard_normal(), 0, 1)),
        )
        mean = macro_mean()
        out = np.zeros_like(self.source.vertices)
        for path in sorted({*weights, *mean}):
            share = weights.get(path, 0.0) - mean.get(path, 0.0)
            if share:
                out += share * self._target(path)
        eyes = [out[self.source.group(f"joint-{s}-eye")].mean(axis=0) for s in "lr"]
        return out - np.mean(eyes, axis=0)  # the body's height must not lift the head

    def _feature(
        self, axis: tuple[str, tuple[str, ...], tuple[str, ...]], rng: np.random.Generator
    ) -> np.ndarray:
        folder, minus, plus = axis
        limit = 2.2 * _FEATURES.get(folder, _ASYMMETRY)
        sigma = _FEATURES.get(folder, _ASYMMETRY)
        value = float(np.clip(sigma * rng.standard_normal(), -limit, limit))
        paths = plus if value > 0 else minus
        return sum((abs(value) * self._target(path) for path in paths), np.zeros_like(self.source.vertices))

    def _target(self, path: str) -> np.ndarray:
        if path not in self._cache:
            self._cache[path] = self.source.target(path)
        return self._cache[path]


def attribute_weights(age: float, sex: float, ancestry: np.ndarray, weight: float) -> dict[str, float]:
    """Macro targets' weights; age in years, sex 0 female to 1 male, weight 0 lean to 1 heavy."""
    old = float(np.clip((age - 25) / 65, 0, 1))
    ages = {"young": 1 - old, "old": old}
    sexes = {"female": 1 - sex, "male": sex}
    heavy, lean = max(0.0, 2 * weight - 1), max(0.0, 1 - 2 * weight)
    builds = {"averageweight": 1 - heavy - lean, "maxweight": heavy, "minweight": lean}
    out: dict[str, float] = {}
    for (s, ws), (a, wa) in itertools.product(sexes.items(), ages.items()):
        for name, share in zip(ANCESTRIES, ancestry, strict=True):
            out[f"macrodetails/{name}-{s}-{a}"] = ws * wa * float(share)
        for build, wb in builds.items():
            out[f"macrodetails/universal-{s}-{a}-averagemuscle-{build}"] = ws * wa * wb
    return {path: w for path, w in out.items() if w > 0}


def _feature_axes(source: Source) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """(folder, paths of the negative end, paths of the positive end); left and right move together."""
    axes = []
    for folder in [*_FEATURES, "asym"]:
        stems = sorted(
            p.name.removesuffix(".target.gz")
            for p in (source.folder / "mpfb2/targets" / folder).glob("*.target.gz")
        )
        known = set(stems)
        for stem in stems:
            if any(part in stem for part in _SKIPPED) or stem.startswith(("r-", "asymm")):
                continue
            plus, minus = _ends(stem, known)
            if plus is None:
                continue
            axes.append((folder, _both(folder, minus), _both(folder, plus)))
    return axes


def _ends(stem: str, known: set[str]) -> tuple[str | None, str | None]:
    """The positive and negative target of the axis that `stem` begins; (None, _) at its other end."""
    if stem.endswith(("-l", "-r")):  # asymmetries to either side
        return (stem, stem[:-1] + "r") if stem.endswith("-l") else (None, None)
    for low, high in _OPPOSITES:
        if stem.endswith(high) and stem.removesuffix(high) + low in known:
            return stem, stem.removesuffix(high) + low
        if stem.endswith(low) and stem.removesuffix(low) + high in known:
            return None, None
    return stem, None


def _both(folder: str, stem: str | None) -> tuple[str, ...]:
    if stem is None:
        return ()
    stems = [stem, "r-" + stem[2:]] if stem.startswith("l-") else [stem]
    return tuple(f"{folder}/{s}" for s in stems)
