"""How one subject's skin looks: what it is made of and how rough it is, drawn from who the subject is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.synth.identity.apply_traits import trait_strengths
from mien.synth.skin.biophysics import SkinComposition
from mien.synth.skin.tint import melanin_for
from mien.synth.subject import Subject


@dataclass(frozen=True)
class BrowForm:
    """Brows: `hairs` a brow; thickness, length and hair length as factors of the common one; `arch` -1
    straight to 1 peaked; `inner` and `outer` shift the ends (share of the brow); `unruly` 0 to 1.
    """

    hairs: int
    thickness: float
    arch: float
    peak: float
    inner: float
    outer: float
    length: float
    unruly: float
    darkness: float


@dataclass(frozen=True)
class SkinLook:
    """One person's skin. Pigments are those of `biophysics.Skin`; the rest is 0 none to 1 much,
    unless said otherwise. `light` is 0 darkest to 1 lightest skin; `hair_colour` is melanin of hair (0.1
    fair to 1 black), `grey` the share of grey hairs; `folds` how strongly each line of the face shows in
    its form, by the names of `mien.synth.identity.trait_lines`; `elasticity` how well skin springs back.
    """

    seed: int
    melanin: float
    blood: float
    oxygenation: float
    pheomelanin: float
    carotene: float
    light: float
    masculine: float
    old: float
    mottling: float
    sun: float
    flush: float
    lips: float
    circles: float
    freckles: float
    moles: int
    age_spots: int
    vessels: float
    blemishes: int
    scars: int
    stubble: float
    shadow: float
    brows: BrowForm
    hair_colour: float
    reddish: float
    grey: float
    pores: float
    fineness: float
    lines: float
    wrinkles: float
    elasticity: float
    oil: float
    folds: dict[str, float]

    @property
    def skin(self) -> SkinComposition:
        """What the cheek is made of."""
        return SkinComposition(self.melanin, self.blood, self.oxygenation, self.pheomelanin, self.carotene)


def draw_look(subject: Subject) -> SkinLook:
    """The skin of a subject; a pure function of it (its stream "skin")."""
    rng = subject.stream("skin")
    n, u = rng.standard_normal(32), rng.random(24)
    light = float(np.clip((subject.ita + 40.0) / 90.0, 0.0, 1.0))
    african, asian, european = subject.ancestry
    old, male = subject.old, subject.sex
    blood = float(np.exp(np.log(0.0135) + 0.2 * n[1] - 0.10 * old))
    oxygenation = float(np.clip(0.76 + 0.04 * n[2], 0.6, 0.9))
    pheomelanin = float(np.clip(0.16 + 0.06 * n[17], 0.02, 0.35))
    carotene = 2.0e-4 * float(np.exp(0.3 * n[18] + 0.25 * asian))
    melanin, blood = melanin_for(subject.ita, blood, oxygenation, pheomelanin, carotene)
    beard = _rise(male, 0.55, 0.95) * float(np.clip(0.45 + 0.45 * european + 0.1 * african, 0.0, 1.0))
    shaven = 0.15 + 0.85 * u[0] ** 1.3
    hair = float(np.clip(1.0 - 0.8 * european * _rise(light, 0.5, 0.95) * u[1] ** 0.8, 0.12, 1.0))
    grey = float(np.clip((subject.age - 40.0 - 7.0 * n[11]) / 32.0, 0.0, 1.0))
    return SkinLook(
        seed=int(rng.integers(2**31)),
        melanin=melanin,
        blood=blood,
        oxygenation=oxygenation,
        pheomelanin=pheomelanin,
        carotene=carotene,
        light=light,
        masculine=male,
        old=old,
        mottling=_soft(0.35 + 0.35 * old + 0.15 * n[3]),
        sun=_soft((0.25 + 0.45 * old) * (0.4 + 0.6 * light) + 0.2 * n[4]),
        flush=_soft(0.45 + 0.2 * n[5]),
        lips=_soft(0.5 + 0.2 * n[6] + 0.15 * (0.5 - male) - 0.2 * old),
        circles=_soft(0.25 + 0.25 * old + 0.2 * n[7]),
        freckles=float(_rise(light, 0.4, 0.9) * european * np.clip(n[8] - 0.3, 0.0, 2.0) * (1.1 - 0.6 * old)),
        moles=int(rng.poisson(2.0 + 4.0 * (1 - abs(2 * light - 1)) + 3.0 * old)),
        age_spots=int(rng.poisson(22.0 * max(old - 0.35, 0.0) ** 1.3 * (0.25 + 0.75 * light))),
        vessels=float(light**2 * _soft(0.1 + 0.7 * old**1.5 + 0.2 * n[9])),
        blemishes=int(rng.poisson(5.0 * (1.0 - old) ** 2 + 0.8)),
        scars=int(rng.poisson(0.3)),
        stubble=float(beard * max(0.0, shaven - 0.3) / 0.7),
        shadow=float(beard * (0.25 + 0.75 * shaven)),
        brows=_brows(subject, n[19:27], u[4:8]),
        hair_colour=hair,
        reddish=float(np.clip(european * light * (u[2] - 0.8) * 4.0, 0.0, 1.0)),
        grey=grey,
        pores=_soft(0.42 + 0.18 * n[12] + 0.12 * (male - 0.5) + 0.15 * old),
        fineness=float(np.exp(0.12 * n[13])),
        lines=_soft(0.2 + 0.6 * old + 0.1 * n[14]),
        wrinkles=_soft(1.2 * max(old - 0.1, 0.0) ** 1.2 * (1.15 - 0.45 * african) + 0.08 * n[15]),
        elasticity=_soft(1.05 - 0.85 * old + 0.1 * n[16]),
        oil=_soft(0.5 - 0.25 * old + 0.2 * n[27]),
        folds={name: float(np.clip(value, 0.0, 2.0)) for name, value in trait_strengths(subject).items()},
    )


def _brows(subject: Subject, n: np.ndarray, u: np.ndarray) -> BrowForm:
    """Thicker, straighter and unrulier in men; thinner with age in women; women's are shaped oftener."""
    male, old = subject.sex, subject.old
    asian = subject.ancestry[1]
    shaped = (1.0 - male) * (u[0] < 0.55)
    thickness = np.exp(-0.12 + 0.30 * (male - 0.4) + 0.22 * n[0] - 0.28 * shaped - 0.15 * old * (1 - male))
    density = np.exp(0.12 + 0.20 * n[1] + 0.12 * male - 0.45 * max(old - 0.45, 0.0) - 0.08 * asian)
    return BrowForm(
        hairs=int(430 * density * thickness**0.7),
        thickness=float(np.clip(thickness, 0.5, 1.7)),
        arch=float(np.clip(0.35 * n[2] + 0.35 * shaped - 0.45 * male + 0.1 - 0.25 * asian, -1.0, 1.0)),
        peak=float(np.clip(0.62 + 0.06 * n[3], 0.48, 0.76)),
        inner=float(np.clip(0.03 + 0.05 * n[4] - 0.03 * male + 0.02 * shaped, -0.12, 0.14)),
        outer=float(np.clip(0.98 + 0.06 * n[5] - 0.06 * old, 0.78, 1.06)),
        length=float(np.exp(0.12 * n[6] + 0.25 * max(old - 0.5, 0.0) * male + 0.1 * (male - 0.5))),
        unruly=_soft(0.3 + 0.15 * n[7] + 0.2 * male - 0.2 * shaped + 0.25 * old * male),
        darkness=float(np.clip(0.78 + 0.14 * u[1], 0.5, 0.95)),
    )


def _rise(value: float, low: float, high: float) -> float:
    t = float(np.clip((value - low) / (high - low), 0.0, 1.0))
    return t * t * (3.0 - 2.0 * t)


def _soft(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))
