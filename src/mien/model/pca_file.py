"""The linear model of heads on disk: what registration fits, and to which registered heads are added."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mien.core.errors import MienError
from mien.model.pca import PcaHeadModel, add_heads, aligned_skins, importance
from mien.synth.identity.basis import load_basis
from mien.template.load import load_template, read_people, write_people

ADDED_WEIGHT = 20.0  # of the heads that made the model, what one added head counts for


@dataclass(frozen=True, eq=False)
class People:
    """A model of heads and who was added to it: name, sha256 of the scan and weight of each."""

    model: PcaHeadModel
    added: tuple[dict[str, object], ...] = ()


def load_people(path: Path) -> People:
    """Reads a model, the shipped one or a grown one; raises `MienError` where it is none."""
    linear, about = read_people(path)
    template, n_skin = load_template(), len(load_basis().mean)
    skin = linear.modes[:, :n_skin]
    mean = template.vertices[:n_skin] + skin[0]
    weights = importance(template, load_basis().mean.astype(np.float64))
    try:
        total, count = float(str(about["variance"])), float(str(about["heads"]))
    except (KeyError, ValueError) as error:
        raise MienError(
            f"{path}: does not say how many heads it stands for; make it again with this version"
        ) from error
    added = about.get("added", [])
    assert isinstance(added, list)
    return People(PcaHeadModel(mean, skin[1:], weights, total, count), tuple(added))


def save_people(people: People, path: Path, cage_modes: Float[np.ndarray, "K C 3"] | None = None) -> None:
    """Writes a model: all the skin's vertices, or (a third of the size) the cage that subdivides to them."""
    model = people.model
    offset = model.mean - load_template().vertices[: len(model.mean)]
    modes = (
        np.concatenate([offset[None].astype(np.float32), model.modes]) if cage_modes is None else cage_modes
    )
    about: dict[str, object] = {"heads": model.count, "variance": model.total}
    write_people(modes, path, about | ({"added": list(people.added)} if people.added else {}))


def grown(
    people: People,
    skins: Float[np.ndarray, "B S 3"],
    who: tuple[dict[str, object], ...],
    weight: float = ADDED_WEIGHT,
    count: int | None = None,
) -> People:
    """The model with these skins (metres, in any pose) added, each counting `weight` heads.

    `count` modes are kept; where left out one more for each head, so that nothing that was held is lost.
    """
    aligned = aligned_skins(list(skins), people.model.mean, load_template())
    kept = count or len(people.model.modes) + len(skins)
    named = tuple({**one, "weight": weight} for one in who)
    return replace(
        people, model=add_heads(people.model, aligned, weight, kept), added=(*people.added, *named)
    )


def face_errors(people: People, skins: Float[np.ndarray, "B S 3"]) -> Float[np.ndarray, " B"]:
    """How far the vertices of these skins lie from the model's best head, metres: mean over the face part."""
    model, face = people.model, load_template().part("face").vertices
    aligned = aligned_skins(list(skins), model.mean, load_template())
    away = model.heads(model.coefficients(aligned)) - aligned
    return np.linalg.norm(away[:, face], axis=2).mean(axis=1).astype(np.float64)
