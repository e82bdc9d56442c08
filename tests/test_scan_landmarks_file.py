"""Landmark files: every form gives the same points; every wrong one is refused."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from mien.core.errors import MienError
from mien.core.face import PreparedScan
from mien.core.mesh import Scan
from mien.export.scanfiles import landmarks_json
from mien.scan.landmarks.face_points import MIRROR_68
from mien.scan.landmarks.file import read_given, read_landmarks
from mien.scan.prepare import prepare_scan
from mien.template.load import load_template

# The mean positions of a face, right half and midline; the left half is its mirror image (millimetres).
RIGHT = {
    0: (-73, 0, -90), 1: (-72, -20, -88), 2: (-69, -40, -80), 3: (-65, -58, -72), 4: (-57, -78, -60),
    5: (-43, -95, -48), 6: (-30, -103, -35), 7: (-15, -107, -20), 8: (0, -110, -18),
    17: (-58, 17, -43), 18: (-49, 25, -32), 19: (-38, 28, -24), 20: (-24, 27, -17), 21: (-12, 24, -15),
    27: (0, 5, -15), 28: (0, -7, -7), 29: (0, -18, 1), 30: (0, -30, 8),
    31: (-12, -45, -14), 32: (-6, -45, -8), 33: (0, -46, -6),
    36: (-45, 0, -36), 37: (-39, 4, -28), 38: (-28, 5, -27), 39: (-18, -2, -30), 40: (-27, -3, -28), 41: (-38, -4, -30),
    48: (-25, -69, -20), 49: (-17, -62, -10), 50: (-7, -58, -5), 51: (0, -59, -4), 57: (0, -78, -7),
    58: (-10, -77, -9), 59: (-18, -74, -13), 60: (-22, -69, -20), 61: (-10, -67, -11), 62: (0, -67, -9),
    66: (0, -68, -10), 67: (-10, -68, -11),
}  # fmt: skip


def face() -> np.ndarray:
    points = np.zeros((68, 3))
    for i, p in RIGHT.items():
        points[MIRROR_68[i]] = np.array(p) * [-1, 1, 1]
        points[i] = p
    return points


FACE = face()


def ljson(points, swap: bool, version2: bool) -> dict:
    """menpo's form: its own order of groups, sides named from either point of view."""
    order = {"chin": range(17), "leye": range(36, 42), "reye": range(42, 48), "leyebrow": range(17, 22),
             "nose": range(27, 36), "reyebrow": range(22, 27), "mouth": range(48, 68)}  # fmt: skip
    flat, labels = [], []
    for name, rows in order.items():
        if swap:
            name = {"l": "r", "r": "l"}.get(name[0], name[0]) + name[1:] if name[0] in "lr" else name
        labels.append({"label": name, "mask": list(range(len(flat), len(flat) + len(rows)))})
        flat += points[list(rows)].tolist()
    content = {"labels": labels, "landmarks": {"points": flat}}
    return {"version": 3, "groups": {"LJSON": content}} if version2 else {"version": 2, **content}


def write_forms(folder, points):
    (folder / "list.json").write_text(json.dumps(points.tolist()))
    (folder / "dict.json").write_text(json.dumps({"landmarks": points.tolist()}))
    np.save(folder / "a.npy", points)
    (folder / "a.txt").write_text("# x y z\n" + "\n".join(" ".join(map(repr, p)) for p in points.tolist()))
    (folder / "a.csv").write_text("\n".join(", ".join(map(repr, p)) for p in points.tolist()) + "\n\n")
    return ("list.json", "dict.json", "a.npy", "a.txt", "a.csv")


def test_all_forms_give_the_same(tmp_path):
    for name in write_forms(tmp_path, FACE):
        points, confidence = read_landmarks(tmp_path / name)
        np.testing.assert_allclose(points, FACE, atol=1e-9)
        assert (confidence == 1).all()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_text_of_any_encoding_is_read(tmp_path, encoding):
    for name in write_forms(tmp_path, FACE):
        if name != "a.npy":
            (tmp_path / name).write_bytes((tmp_path / name).read_text().encode(encoding))
            np.testing.assert_allclose(read_landmarks(tmp_path / name)[0], FACE, atol=1e-9)
    (tmp_path / "gbk.txt").write_bytes(b"# \xc1\xb3\n" + (tmp_path / "a.txt").read_text(encoding).encode())
    np.testing.assert_allclose(read_landmarks(tmp_path / "gbk.txt")[0], FACE, atol=1e-9)


def table(points, form: str, head: str = "", start: int = 0, comma: bool = False) -> str:
    rows = [form.format(*map(repr, p), n=i + start) for i, p in enumerate(points.tolist())]
    return head + "\n".join(row.replace(".", ",") if comma else row for row in rows) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        table(FACE, "{0};{1};{2}", comma=True),
        table(FACE, "{0}\t{1}\t{2}", comma=True),
        table(FACE, "{0} {1} {2}", comma=True),
        table(FACE, "{n};{0};{1};{2}", "nr;X;Y;Z\n", 1, comma=True),
        table(FACE, "{0}, {1} ,{2}", "x, y, z\r\n"),
        table(FACE, "{2},{1},{0},seen", '"z","y","x","state"\n'),
        table(FACE, "{n} {0} {1} {2}"),
        table(FACE, "{n},{0},{1},{2}", start=1),
    ],
)
def test_tables_as_spreadsheets_write_them(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    np.testing.assert_allclose(read_landmarks(tmp_path / "a.csv")[0], FACE, atol=1e-9)


def test_points_may_name_their_coordinates(tmp_path):
    named = [{"X": x, "y": y, "z": z, "name": "p"} for x, y, z in FACE.tolist()]
    (tmp_path / "a.json").write_text(json.dumps({"landmarks": named}))
    np.testing.assert_allclose(read_landmarks(tmp_path / "a.json")[0], FACE, atol=1e-9)


def test_damaged_and_huge_files_are_refused_in_one_line(tmp_path):
    np.save(tmp_path / "a.npy", FACE)
    whole = (tmp_path / "a.npy").read_bytes()
    np.save(tmp_path / "complex.npy", FACE.astype(complex))
    wrong = {
        "claims.npy": whole.replace(b"(68, 3), }  ", b"(68, 3000000)"), "zip.npy": b"PK\3\4" + whole,
        "header.npy": whole.replace(b"{'descr'", b"{'de(cr'"), "deep.json": b"[" * 100_000,
        "int.json": b"[[1" + b"0" * 400 + b", 0, 0]]", "groups.json": b'{"groups": [1]}',
        "four.csv": table(FACE, "7,{0},{1},{2}").encode(), "no_z.csv": table(FACE, "{0},{1}", "x,y\n").encode(),
        "large.txt": b"0 0 0\n" * 1_000_000, "half.json": b'{"landmarks": [{"x": 1, "y": 2}]}',
    }  # fmt: skip
    for name, data in wrong.items():
        (tmp_path / name).write_bytes(data)
    for name in [*wrong, "complex.npy"]:
        with pytest.raises(MienError, match=name.replace(".", r"\.")) as refusal:
            read_landmarks(tmp_path / name)
        assert "\n" not in str(refusal.value)


def test_51_points_leave_the_jaw_unseen(tmp_path):
    for name in write_forms(tmp_path, FACE[17:]):
        points, confidence = read_landmarks(tmp_path / name)
        np.testing.assert_allclose(points[17:], FACE[17:], atol=1e-9)
        assert (confidence[:17] == 0).all()
        assert np.isfinite(points).all()


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("version2", [False, True])
def test_ljson_is_mapped_by_labels_and_sides_by_geometry(tmp_path, swap, version2):
    rng = np.random.default_rng(3)
    q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn = q * np.sign(np.linalg.det(q))
    (tmp_path / "a.ljson").write_text(json.dumps(ljson(FACE @ turn.T + 40, swap, version2)))
    points, _ = read_landmarks(tmp_path / "a.ljson")
    np.testing.assert_allclose(points, FACE @ turn.T + 40, atol=1e-9)


def test_wrong_files_are_refused_in_one_line(tmp_path):
    (tmp_path / "short.json").write_text(json.dumps(FACE[:50].tolist()))
    (tmp_path / "flat.json").write_text(json.dumps(FACE[:, :2].tolist()))
    (tmp_path / "nan.txt").write_text("\n".join(["0 0 0"] * 20 + ["nan 0 0"] * 2 + ["1 2 3"] * 46))
    (tmp_path / "ragged.txt").write_text("0 0 0\n1 2\n")
    (tmp_path / "words.txt").write_text("\n".join(["a b c"] * 68))
    wrong = [*FACE[:3].tolist(), [1.0, "here", 2.0], *FACE[4:].tolist()]
    (tmp_path / "nan.json").write_text(json.dumps({"landmarks": wrong}))
    (tmp_path / "bad.json").write_text("[[0,")
    (tmp_path / "other.json").write_text(json.dumps({"points": []}))
    (tmp_path / "a.ljson").write_text(json.dumps({"labels": [], "landmarks": {"points": FACE.tolist()}}))
    (tmp_path / "a.dat").write_text("")
    with (tmp_path / "pickle.npy").open("wb") as stream:
        pickle.dump(FACE, stream)
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    expected = {
        "short.json": r"holds 50 points, expected 68 or 51", "flat.json": "point 0, .* not three numbers",
        "nan.txt": "2 points are NaN.*point 20", "ragged.txt": "point 1, .*1 2", "words.txt": "point 0, .*a b c",
        "bad.json": "cannot be read", "other.json": "no entry 'landmarks'", "a.ljson": "expected chin 17",
        "nan.json": "point 3, .*here", "a.dat": "file ending", "pickle.npy": "cannot be read", "objects.npy": "cannot be read", "none.json": "no such",
    }  # fmt: skip
    for name, words in expected.items():
        with pytest.raises(MienError, match=words) as refusal:
            read_landmarks(tmp_path / name)
        assert "\n" not in str(refusal.value)


def test_landmarks_in_another_unit_are_refused(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(FACE.tolist()))
    metres = Scan("s", FACE / 1000, np.array([[0, 1, 2]]))
    with pytest.raises(MienError, match="far outside the scan"):
        read_landmarks(tmp_path / "a.json", metres)


def own_file(path, points, confidence, **more):
    rows = [None if np.isnan(p).any() else p for p in points]
    rows = [row if row is None else row.tolist() for row in rows]
    path.write_text(json.dumps({"scheme": "Multi-PIE 68", "scan": rows, "confidence": confidence, **more}))
    return path


def test_an_assets_own_file_keeps_confidence_and_trusts_what_was_moved(tmp_path):
    confidence = np.linspace(0.2, 0.9, 68)
    unseen = FACE.astype(float)
    unseen[20] = np.nan
    found = [None if i == 20 else p.tolist() for i, p in enumerate(unseen)]
    edited = unseen.copy()
    edited[39] += [1.0, 0.5, 0.0]
    path = own_file(tmp_path / "landmarks.json", edited, confidence.tolist(), found=found)
    points, sure = read_landmarks(path)
    assert sure[20] == 0.0
    assert sure[39] == 1.0
    kept = np.setdiff1d(np.arange(68), [20, 39])
    np.testing.assert_allclose(sure[kept], confidence[kept])
    np.testing.assert_array_equal(points[39], edited[39])
    assert np.isfinite(points).all()


def test_where_a_moved_point_was_found_is_kept_for_the_next_edit(tmp_path):
    found = FACE.astype(float)
    found[20] = np.nan
    edited = found.copy()
    edited[48] += [2.0, 0.0, 0.0]
    edited[20] = FACE[20] + 1.0
    edited[30] = np.nan
    nulls = [None if np.isnan(p).any() else p.tolist() for p in found]
    path = own_file(tmp_path / "first.json", edited, [0.5] * 68, found=nulls)
    given = read_given(path)
    assert np.flatnonzero(given.placed).tolist() == [20, 48]
    turn = np.array([[0.0, -1, 0, 5], [1, 0, 0, 6], [0, 0, 1, 7], [0, 0, 0, 1]])
    place = lambda points: points @ turn[:3, :3].T + turn[:3, 3]  # noqa: E731
    scan = Scan("s", FACE, np.array([[0, 1, 2]]))
    assert given.found is not None
    prepared = PreparedScan(
        scan, turn, place(given.points), given.confidence, "", placed=given.placed, found=place(given.found)
    )
    written = landmarks_json(prepared)
    assert written["found"][20] is None
    assert written["scan"][30] is None
    np.testing.assert_allclose(written["found"][30], found[30], atol=1e-6)
    np.testing.assert_allclose(written["found"][48], found[48], atol=1e-6)
    np.testing.assert_allclose(written["scan"][48], edited[48], atol=1e-6)
    (tmp_path / "second.json").write_text(json.dumps(written))
    again = read_given(tmp_path / "second.json")
    np.testing.assert_array_equal(again.placed, given.placed)
    np.testing.assert_allclose(again.points[48], edited[48], atol=1e-6)


@pytest.mark.parametrize("confidence", [[0.5] * 67, [2.0] * 68, ["high"] * 68, [0.0] * 68])
def test_an_assets_own_file_with_wrong_confidence_is_refused(tmp_path, confidence):
    path = own_file(tmp_path / "landmarks.json", FACE.astype(float), confidence)
    with pytest.raises(MienError, match=r"landmarks\.json"):
        read_landmarks(path)


def test_a_point_dropped_elsewhere_on_the_face_is_named():
    template = load_template()
    points = template.landmarks.on(template.vertices, template.topology)
    scan = Scan("head", template.vertices, template.topology.triangles)
    assert prepare_scan(scan, landmarks=points).unit_known
    points[39] = points[57]
    with pytest.raises(MienError, match=r"head: point 39 .*move it, or write null"):
        prepare_scan(scan, landmarks=points)
