"""What somebody looks like: form follows attributes, but not everybody looks their age, sex or ancestry.

* **Age**: years beyond 25 count exp(0.14 n)-fold, so that at 80 people look 73 to 88 (two of three).
* **Sex**: 0.5 + 0.85 (sex - 0.5) + 0.115 n: as in life, form misleads about one in twenty times.
* **Ancestry**: shares + 0.08 n each, none below 0, made to sum to 1.

All n are normal, within 2.4.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from mien.synth.subject import Subject

_AGEING, _FULL_GROWN = 0.14, 25.0
_SEX_SLOPE, _SEX_STRAY = 0.85, 0.115
_ANCESTRY_STRAY = 0.08
_LIMIT = 2.4  # standard deviations


@lru_cache(maxsize=64)
def looks(subject: Subject) -> Subject:
    """The same person with the age, sex and ancestry that the face shows; a function of the subject alone."""
    normal = np.clip(subject.stream("looks").standard_normal(5), -_LIMIT, _LIMIT)
    ageing, sex, *shares = normal.tolist()
    years = subject.age - _FULL_GROWN
    kin = [max(a + _ANCESTRY_STRAY * n, 0.0) for a, n in zip(subject.ancestry, shares, strict=True)]
    african, asian, european = (share / sum(kin) for share in kin)
    return replace(
        subject,
        age=_FULL_GROWN + years * (math.exp(_AGEING * ageing) if years > 0 else 1.0),
        sex=0.5 + _SEX_SLOPE * (subject.sex - 0.5) + _SEX_STRAY * sex,
        ancestry=(african, asian, european),
    )
