"""How one subject's skin looks: what it is made of and how rough it is, drawn from who the subject is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mien.data.subject import Subject


@dataclass(frozen=True)
class SkinLook:
    """One person's skin. Pigments are volume shares (`mien.data.biophysics.Skin`); the rest is 0 none to
    1 much, unless said otherwise. `hair_colour` is melanin of hair (0.1 fair to 1 black), `grey` the share of
    grey hairs.
    """

    seed: int
    melanin: float
    blood: float
    oxygenation: float
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
    brows: float
    hair_colour: float
    reddish: float
    grey: float
    pores: float
    fineness: float
    lines: float
    wrinkles: float
    oil: float


def draw_look(subject: Subject) -> SkinLook:
    """The skin of a subject; a pure function of it (its stream "skin")."""
    rng = subject.stream("skin")
    n, u = rng.standard_normal(24), rng.random(24)
    light = float(np.clip((subject.ita - 5.0) / 50.0, 0.0, 1.0))
    african, _, european = subject.ancestry
    old, male = subject.old, subject.sex
    beard = male**2 * np.clip(0.55 + 0.35 * european - 0.25 * subject.ancestry[1], 0.0, 1.0)
    shaven = 0.25 + 0.75 * u[0]
    hair = float(np.clip(1.0 - 0.75 * european * light * u[1] ** 0.7, 0.12, 1.0))
    return SkinLook(
        seed=int(rng.integers(2**31)),
        melanin=subject.melanin * float(np.exp(0.08 * n[0])),
        blood=float(np.exp(np.log(0.017) + 0.22 * n[1] - 0.15 * african)),
        oxygenation=float(np.clip(0.75 + 0.05 * n[2], 0.6, 0.9)),
        masculine=male,
        old=old,
        mottling=_soft(0.35 + 0.35 * old + 0.15 * n[3]),
        sun=_soft((0.25 + 0.5 * old) * (0.4 + 0.6 * light) + 0.2 * n[4]),
        flush=_soft(0.45 + 0.2 * n[5]),
        lips=_soft(0.5 + 0.2 * n[6] + 0.12 * (0.5 - male)),
        circles=_soft(0.3 + 0.3 * old + 0.2 * n[7]),
        freckles=float(light * european * np.clip(n[8] - 0.3, 0.0, 2.0) * (1.1 - 0.6 * old)),
        moles=int(rng.poisson(2.0 + 4.0 * (1 - abs(2 * light - 1)) + 3.0 * old)),
        age_spots=int(rng.poisson(14.0 * max(old - 0.35, 0.0) ** 1.5 * (0.3 + 0.7 * light) * 3.0)),
        vessels=float(light * _soft(0.1 + 0.7 * old**1.5 + 0.15 * n[9])),
        blemishes=int(rng.poisson(5.0 * (1.0 - old) ** 2 + 0.8)),
        scars=int(rng.poisson(0.25)),
        stubble=float(beard * max(0.0, shaven - 0.35)),
        shadow=float(beard * shaven * (0.35 + 0.65 * light)),
        brows=float(np.clip(0.85 + 0.3 * male + 0.18 * n[10] - 0.25 * old * (1 - male), 0.35, 1.5)),
        hair_colour=hair,
        reddish=float(np.clip(european * light * (u[2] - 0.8) * 4.0, 0.0, 1.0)),
        grey=float(np.clip((subject.age - 38.0 - 7.0 * n[11]) / 32.0, 0.0, 1.0)),
        pores=_soft(0.42 + 0.18 * n[12] + 0.12 * (male - 0.5) + 0.15 * old),
        fineness=float(np.exp(0.12 * n[13])),
        lines=_soft(0.25 + 0.6 * old + 0.1 * n[14]),
        wrinkles=_soft(1.25 * max(old - 0.12, 0.0) ** 1.2 * (1.15 - 0.45 * african) + 0.08 * n[15]),
        oil=_soft(0.5 - 0.25 * old + 0.2 * n[16]),
    )


def _soft(value: float) -> float:
    return float(np.clip(value, 0.0, 1.0))
