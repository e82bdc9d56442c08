"""The 68 points of Multi-PIE among the face mesh network's 468, and what a face looks like in numbers."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

# Rows of the face mesh at each Multi-PIE point, subject's right to left; where the mesh has none there, two
# rows and how far the point lies from the first to the second.
Blend = tuple[int, int, float]
JAW: tuple[int | Blend, ...] = (
    127, 234, (93, 132, 0.5), (132, 58, 0.5), (58, 172, 0.7), (136, 150, 0.5), (149, 176, 0.5),
    (176, 148, 0.6), 152, (400, 377, 0.6), (378, 400, 0.5), (365, 379, 0.5), (288, 397, 0.7),
    (361, 288, 0.5), (323, 361, 0.5), 454, 356,
)  # fmt: skip
BROWS: tuple[int | Blend, ...] = (
    (70, 156, 0.3), 63, 105, (66, 107, 0.25), (107, 55, 0.25),
    (336, 285, 0.25), (296, 336, 0.25), 334, 293, (300, 383, 0.3),
)  # fmt: skip
NOSE: tuple[int | Blend, ...] = (
    (168, 8, 0.3), (197, 6, 0.4), (195, 5, 0.25), 4,
    (98, 97, 0.25), 97, (2, 164, 0.25), 326, (327, 326, 0.25),
)  # fmt: skip
EYES: tuple[int | Blend, ...] = (
    33, 160, 158, (133, 155, 0.35), 153, 144,
    (362, 382, 0.35), 385, 387, 263, 373, 380,
)  # fmt: skip
LIPS: tuple[int | Blend, ...] = (
    61, (40, 39, 0.5), (37, 72, 0.2), (0, 11, 0.25), (267, 302, 0.2), (270, 269, 0.5), 291,
    (321, 405, 0.25), (314, 405, 0.35), 17, (84, 181, 0.35), (91, 181, 0.25),
    78, (81, 82, 0.5), 13, (311, 312, 0.5), 308, (402, 317, 0.3), 14, (178, 87, 0.3),
)  # fmt: skip
_BLENDS: list[Blend] = [(p, p, 0.0) if isinstance(p, int) else p for p in (*JAW, *BROWS, *NOSE, *EYES, *LIPS)]
_FIRST = np.array([a for a, _, _ in _BLENDS])
_SECOND = np.array([b for _, b, _ in _BLENDS])
_SHARE = np.array([t for _, _, t in _BLENDS])


def multi_pie(mesh: Float[np.ndarray, "468 D"]) -> Float[np.ndarray, "68 D"]:
    """The 68 points of Multi-PIE from the network's 468."""
    return mesh[_FIRST] * (1 - _SHARE[:, None]) + mesh[_SECOND] * _SHARE[:, None]


# Each point's partner on the other side of the face, for Multi-PIE's 68.
MIRROR_68 = np.array(
    [16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
     27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
     54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]
)  # fmt: skip

# Upright: the eyes' corners lie this much behind the mouth's, seen from the side (the mean head of
# ICT-FaceKit, whose space is Mien's).
EYES_BEHIND_MOUTH = np.radians(10.6)


def face_axes(landmarks: Float[np.ndarray, "68 3"]) -> Float[np.ndarray, "3 3"]:
    """Rows: the subject's left, up and forward, from the corners of the eyes and the mouth."""
    eyes, mouth = eyes_and_mouth(landmarks)
    left = landmarks[[42, 45]].sum(0) - landmarks[[36, 39]].sum(0) + 0.5 * (landmarks[54] - landmarks[48])
    left /= np.linalg.norm(left)
    up = eyes - mouth
    up -= (up @ left) * left
    up /= np.linalg.norm(up)
    forward = np.cross(left, up)
    c, s = np.cos(EYES_BEHIND_MOUTH), np.sin(EYES_BEHIND_MOUTH)
    return np.stack([left, c * up + s * forward, c * forward - s * up])


def eyes_and_mouth(landmarks: Float[np.ndarray, "68 3"]) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the four eye corners and of the two mouth corners."""
    return landmarks[[36, 39, 42, 45]].mean(axis=0), landmarks[[48, 54]].mean(axis=0)


def face_length(landmarks: Float[np.ndarray, "68 3"]) -> float:
    """Eyes to mouth, the face's own unit of length (about 70 mm)."""
    eyes, mouth = eyes_and_mouth(landmarks)
    return float(np.linalg.norm(eyes - mouth))


def what_is_no_face(landmarks: Float[np.ndarray, "68 3"]) -> str:
    """The first proportion that no face has, in words; empty for a face.

    Bounds are generous: wider than any adult or child in ICT-FaceKit's modes at three deviations, since
    closed eyes, smiles and poor scans must pass.
    """
    points = (landmarks - landmarks[27]) @ face_axes(landmarks).T / face_length(landmarks)
    eyes, mouth = eyes_and_mouth(points)
    outer = points[45, 0] - points[36, 0]
    inner = points[42, 0] - points[39, 0]
    tip = points[30]
    midline = points[[27, 28, 29, 30, 33, 51, 57], 0] - (eyes[0] + mouth[0]) / 2
    left, right = points[[45, 54]] - tip, points[[36, 48]] - tip
    sides = np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    checks = (
        (0.9 < outer < 2.0, f"eyes {outer:.2f} face lengths wide, expected 0.9 to 2.0"),
        (0.22 < inner < 0.9, f"inner eye corners {inner:.2f} face lengths apart, expected 0.22 to 0.9"),
        (tip[2] - (eyes[2] + mouth[2]) / 2 > 0.12, "a nose that does not stick out"),
        (mouth[1] + 0.1 < tip[1] < eyes[1] - 0.2, "a nose that is not between eyes and mouth"),
        (0.35 < points[54, 0] - points[48, 0] < 1.4, "a mouth too wide or narrow"),
        (np.abs(midline).max() < 0.22, "a nose or mouth far off the midline"),
        (bool(((sides > 0.6) & (sides < 1.7)).all()), "sides of the face that do not match"),
    )
    return next((words for good, words in checks if not good), "")
