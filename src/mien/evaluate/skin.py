"""Made skin from close by: pictures 20 mm wide under a grazing light, and whether its texture repeats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8
from scipy import ndimage

from mien.core.errors import MienError
from mien.core.mesh import Image
from mien.evaluate.measures.aims import Aim
from mien.evaluate.measures.evaluation import Evaluation, Findings, Rows, Say
from mien.evaluate.measures.given_scans import RealScan, prepare_real
from mien.evaluate.measures.pictures import make_folder, write_plot
from mien.render.camera import Camera
from mien.render.lights import macro_studio
from mien.render.raster import light_for, render_lit
from mien.render.renderable import Renderable, renderable_from_scan
from mien.sheets.labels import blank_sheet, draw_text, paste
from mien.sheets.person import show_head
from mien.synth.identity.basis import load_basis
from mien.synth.identity.heads import neutral_head
from mien.synth.skin.features import feature_maps
from mien.synth.skin.grid import grid
from mien.synth.skin.look import SkinLook, draw_look
from mien.synth.skin.maps import skin_maps
from mien.synth.subject import Subject, draw_subject
from mien.template.load import load_template

WIDTH_MM = 20.0
_AWAY = 0.30  # metres from the skin to the eye
_SLOW = 1.0  # millimetres, standard deviation
_HILL = 0.1  # correlation down to which the hill round no shift reaches
_NEAREST_REPEAT = 1.5  # millimetres: nearer than that, a pore is like itself


@dataclass(frozen=True)
class SkinSpot:
    """Where to look: weights of the 68 landmarks, and a turn of the view to the subject's left, degrees."""

    name: str
    landmarks: dict[int, float]
    turn: float


SPOTS = (
    SkinSpot("cheek", {35: 0.10, 45: 0.45, 54: 0.45}, 38.0),
    SkinSpot("forehead", {21: -0.45, 22: -0.45, 20: 0.95, 23: 0.95}, 0.0),
    SkinSpot("nose", {30: 0.72, 35: 0.28}, 28.0),
    SkinSpot("lips", {51: 0.25, 57: 0.65, 54: 0.10}, 6.0),
)

NO_REPEAT = Aim("highest autocorrelation peak of skin", at_most=0.2, source="docs/skin.md: no repeat shows")


@dataclass(frozen=True, kw_only=True)
class EvaluateSkin(Evaluation):
    """Makes the skin of people of the database and looks for repeats: the highest peak of the autocorrelation
    of albedo and displacement on cheek, forehead, nose and lips. With --plots each place is drawn, 20 mm wide
    under a grazing light, beside a real scan where one is given."""

    indices: tuple[int, ...] = (26, 24, 39)
    """Which people."""
    seed: int = 1
    """Another seed makes other people."""
    resolution: int = 4096
    """Width of the skin maps in texels."""
    plots: Path | None = None
    """Folder for skin_closeups.png."""
    size: int = 400
    """Width of each close-up in pixels."""
    scan: Path | None = None
    """A real scan to show beside."""
    albedo: Path | None = None
    """Its colour texture."""
    normal: Path | None = None
    """Its normal map."""
    credit: str = ""
    """Line under the picture that says whose scan it is."""

    def measure(self, say: Say) -> Findings:
        """A row a person and place."""
        folder = None if self.plots is None else make_folder(self.plots)
        rows: Rows = []
        pictures = {} if folder is None else self._draw_scan()
        for index in self.indices:
            person = draw_subject(self.seed, index)
            say(f"skin of {describe_subject(person)}")
            look = draw_look(person)
            maps = skin_maps(look, self.resolution)
            peaks = measure_repeats(maps)
            rows += [{"who": describe_subject(person), "place": n, "peak": peak} for n, peak in peaks.items()]
            if folder is not None:
                view = view_subject(person, maps, look)
                pictures[describe_subject(person)] = draw_spots(*view, self.size)
        if folder is not None:
            write_plot(folder / "skin_closeups.png", draw_sheet(pictures, self.credit))
        found = [(f"{row['who']}, {row['place']}", float(str(row["peak"]))) for row in rows]
        return Findings({"skin": rows}, (NO_REPEAT.judge_worst(found),))

    def _draw_scan(self) -> dict[str, dict[str, UInt8[np.ndarray, "S S 3"]]]:
        """Close-ups of the given scan, if one is."""
        if self.scan is None:
            return {}
        if self.albedo is None or self.normal is None:
            raise MienError(
                f"{self.scan}: its colour or normal map is missing, expected both; give --albedo and --normal"
            )
        return {"scan": draw_spots(*view_scan(self.scan, self.albedo, self.normal), self.size)}


def view_subject(
    person: Subject, maps: dict[str, Image], look: SkinLook
) -> tuple[Renderable, Float[np.ndarray, "68 3"]]:
    """A drawn person with skin maps as something to look at, with the person's landmarks (metres)."""
    template = load_template()
    head = neutral_head(load_basis(), person, parts=True).astype(np.float64)
    shown = show_head(head, {**maps, **feature_maps(person, look, 512)})
    return shown, template.landmarks.on(head, template.topology)


def draw_spots(
    subject: Renderable, landmarks: Float[np.ndarray, "68 3"], size: int = 400
) -> dict[str, UInt8[np.ndarray, "S S 3"]]:
    """Pictures of `SPOTS`, `WIDTH_MM` wide, each lit from the side as for judging relief."""
    out = {}
    for spot in SPOTS:
        lit = light_for(subject, environment=macro_studio(spot.turn), height=1024)
        at = np.array(list(spot.landmarks.values())) @ landmarks[list(spot.landmarks)]
        out[spot.name] = render_lit(lit, _camera(subject, at, spot.turn, size))
    return out


def _camera(subject: Renderable, near: Float[np.ndarray, "3"], turn: float, size: int) -> Camera:
    """Looks at the frontmost skin by `near`, from the front turned by `turn` degrees."""
    away = np.linalg.norm((subject.vertices - near)[:, :2], axis=1)
    close = np.flatnonzero(away < 0.006)
    target = subject.vertices[close[subject.vertices[close, 2].argmax()]]
    angle = np.radians(turn)
    eye = target + _AWAY * np.array([np.sin(angle), 0.0, np.cos(angle)])
    fov = float(np.degrees(2 * np.arctan(0.5e-3 * WIDTH_MM / _AWAY)))
    return Camera(eye, target, fov, size, size)


def measure_repeat(texture: Float[np.ndarray, "S S"], width_mm: float = WIDTH_MM) -> float:
    """Highest autocorrelation of a square of texture at any shift from 1.5 mm to half its width, -1 to 1,
    apart from the hill round no shift at all (long marks are like themselves along their length).

    What changes over more than `_SLOW` is taken out first, local contrast is evened out so that no border or
    mole counts for all, and each shift is normalised by its own overlap.
    """
    size = len(texture)
    fine = texture - cv2.GaussianBlur(texture.astype(np.float64), (0, 0), _SLOW * size / width_mm)
    contrast = np.sqrt(cv2.GaussianBlur(fine**2, (0, 0), 2.0 * _SLOW * size / width_mm)) + 1e-9
    fine = np.clip(fine / contrast, -2.5, 2.5)
    fine -= fine.mean()

    def correlate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        spectra = [np.fft.rfft2(field, (2 * size, 2 * size)) for field in (a, b)]
        return np.fft.fftshift(np.fft.irfft2(spectra[0] * spectra[1].conj(), (2 * size, 2 * size)))

    power = np.sqrt(np.maximum(correlate(fine**2, np.ones_like(fine)), 1e-12))
    product = correlate(fine, fine) / (power * power[::-1, ::-1])
    shift = np.hypot(*np.meshgrid(*[np.arange(-size, size)] * 2)) * width_mm / size
    hill, _ = ndimage.label(product > _HILL)  # of a groove along itself: not a repeat
    apart = hill != hill[size, size]
    return float(product[apart & (shift > _NEAREST_REPEAT) & (shift < 0.5 * width_mm)].max())


def cut_texture(image: Image, spot: SkinSpot) -> Float[np.ndarray, "S S"]:
    """A square of a map of the face about `WIDTH_MM` wide round a spot: log light, or displacement."""
    face = grid("face")
    landmarks = face.template.landmarks.on(face.points, face.template.topology)
    at = np.array(list(spot.landmarks.values())) @ landmarks[list(spot.landmarks)]
    texel = int(np.linalg.norm(face.at_texels(face.points) - at, axis=1).argmin())
    scale = image.pixels.shape[0] / len(face.covered)
    half = int(0.5 * WIDTH_MM / np.sqrt(face.texel_area[texel]) * scale)
    row, column = (int((cells[texel] + 0.5) * scale) for cells in face.cells)
    square = image.pixels[max(row - half, 0) : row + half, max(column - half, 0) : column + half]
    size = min(square.shape[:2])
    values = square[:size, :size]
    return np.log(values.mean(axis=2) + 0.02) if values.shape[2] == 3 else values[..., 0]


def measure_repeats(maps: dict[str, Image]) -> dict[str, float]:
    """By spot, the higher peak of the albedo's and the displacement's autocorrelation."""
    kinds = ("face_albedo", "face_displacement")
    return {spot.name: max(measure_repeat(cut_texture(maps[kind], spot)) for kind in kinds) for spot in SPOTS}


def view_scan(scan: Path, albedo: Path, normal: Path) -> tuple[Renderable, Float[np.ndarray, "68 3"]]:
    """A real scan with its own colour and normal map, upright and in metres, with its landmarks."""
    prepared = prepare_real(RealScan(scan, albedo))
    pixels = cv2.imread(str(normal), cv2.IMREAD_COLOR)
    if pixels is None:
        raise MienError(f"{normal}: cannot be read as a picture, expected a normal map; choose another")
    bumps = Image(pixels[..., ::-1].astype(np.float32) / 255.0)
    return renderable_from_scan(prepared.scan, None, bumps), prepared.landmarks


def draw_sheet(
    rows: dict[str, dict[str, UInt8[np.ndarray, "S S 3"]]], credit: str
) -> UInt8[np.ndarray, "H W 3"]:
    """Close-ups in rows with their names."""
    size = len(next(iter(next(iter(rows.values())).values())))
    gap, head, foot = 8, 26, 24 if credit else 0
    out = blank_sheet(gap + len(SPOTS) * (size + gap), len(rows) * (size + head) + gap + foot)
    for r, (label, pictures) in enumerate(rows.items()):
        y = r * (size + head)
        for c, (name, picture) in enumerate(pictures.items()):
            x = gap + c * (size + gap)
            draw_text(out, f"{name}, {WIDTH_MM:.0f} mm" + (f": {label}" if c == 0 else ""), x, y + 18, 13)
            paste(out, picture, x, y + head)
    if credit:
        draw_text(out, credit, gap, out.shape[0] - 10, 11)
    return out


def describe_subject(person: Subject) -> str:
    """Who a drawn person is, in a few words."""
    return f"subject {person.index}, {person.age:.0f} years, Monk tone {person.monk}"
