"""What nobody foresaw: one line that names what was worked on, the stage and the cause; a full disk; killed runs."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mien.core.cache import Cache
from mien.core.errors import MienError
from mien.core.faults import VARIABLE, in_one_line, wants_traceback
from mien.core.files import is_abandoned, owner_mark, whole_folder, write_whole
from mien.pipeline.stages import Stages


def failing(error: Exception):
    def fail(*_: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            np.linalg.LinAlgError("Singular matrix"),
            ["LinAlgError: Singular matrix", "fault of Mien's own", VARIABLE],
        ),
        (ValueError("first\nsecond"), ["ValueError: first second"]),
        (
            OSError(errno.ENOSPC, "No space left on device", "/there/map.png"),
            ["disk is full", "/there/map.png"],
        ),
        (
            OSError(errno.EIO, "Input/output error", "/there/scan.obj"),
            ["Input/output error: /there/scan.obj"],
        ),
        (MemoryError(), ["memory ran out"]),
        (
            ImportError("libGL.so.1: cannot open", name="embreex"),
            ["embreex cannot be loaded", "libGL.so.1", "pip"],
        ),
    ],
)
def test_a_stage_that_fails_is_named_in_one_line_with_the_file(error: Exception, words: list[str]) -> None:
    stage = Stages(None, lambda _: None, subject="head.obj").run("fitting the template", failing(error))
    with pytest.raises(MienError) as caught:
        _ = stage.value
    message = str(caught.value)
    assert message.startswith("head.obj: ")
    for word in [*words, "while fitting the template"]:
        assert word in message
    assert "\n" not in message
    assert caught.value.__cause__ is error


def test_a_refusal_keeps_its_own_words() -> None:
    with pytest.raises(MienError, match=r"^no face$"), in_one_line("head.obj", "finding the face"):
        raise MienError("no face")


def test_what_is_no_error_passes() -> None:
    with pytest.raises(SystemExit), in_one_line("mien rig", "running the command"):
        sys.exit(3)
    with pytest.raises(KeyboardInterrupt), in_one_line("mien rig", "running the command"):
        raise KeyboardInterrupt


BROKEN = """
import sys
import mien.export.check
def fail(path):
    raise KeyError("blue")
mien.export.check.check_path = fail
sys.argv = ["mien", "check", "head"]
from mien.cli.main import main
main()
"""


@pytest.mark.parametrize("asked", [False, True])
def test_the_traceback_is_shown_where_it_is_asked_for(asked: bool) -> None:
    environment = {**os.environ, VARIABLE: "1" if asked else "0"}
    done = subprocess.run(
        [sys.executable, "-c", BROKEN], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("mien: mien check: failed")
    assert "KeyError: 'blue'" in lines[-1]
    assert ("Traceback" in done.stderr) == asked
    assert (len(lines) == 1) != asked


def test_the_variable_may_say_no(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, wanted in (("", False), ("0", False), ("1", True), ("yes", True)):
        monkeypatch.setenv(VARIABLE, value)
        assert wants_traceback() is wanted


def test_openexr_says_a_full_disk_in_words(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="the disk is full"), whole_folder(tmp_path / "asset"):
        raise RuntimeError("Failed to write pixel data to image file. No space left on device.")
    with pytest.raises(RuntimeError, match="another"), whole_folder(tmp_path / "asset"):
        raise RuntimeError("another fault")


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "write_bytes", full)
    nothing = pytest.raises(MienError, match=r"asset: the disk is full, nothing was written")
    with nothing, whole_folder(tmp_path / "asset") as folder:
        (folder / "head.glb").write_bytes(b"much")
    monkeypatch.setattr("mien.core.files.write_atomically", full)
    with pytest.raises(MienError, match=r"view\.png: cannot be written \(No space left"):
        write_whole(tmp_path / "view.png", b"much")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_put_in_place_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "view.png", b"all of it")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("view.png", b"all of it")]


KILLED = """
import os, signal, sys
from pathlib import Path
from mien.core import files
out, moment = Path(sys.argv[1]), sys.argv[2]
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if moment == "swapping":
    rename = Path.rename
    Path.rename = lambda self, to: die() if ".part-" in self.name else rename(self, to)
with files.whole_folder(out, force=True) as folder:
    (folder / "new.txt").write_text("new")
    if moment == "writing":
        die()
"""


def killed(out: Path, moment: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(out), moment], check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
@pytest.mark.parametrize("moment", ["writing", "swapping"])
def test_the_next_run_puts_right_what_a_killed_one_left(tmp_path: Path, moment: str) -> None:
    out = tmp_path / "head"
    with whole_folder(out) as folder:
        (folder / "old.txt").write_text("old")
    killed(out, moment)
    assert any(p.name.startswith(".head.") for p in tmp_path.iterdir())
    with pytest.raises(MienError, match="--force"), whole_folder(out):
        pass  # the old asset is there again, whatever the moment was
    assert [p.name for p in tmp_path.iterdir()] == ["head"]
    assert (out / "old.txt").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="asks for processes")
def test_what_running_processes_and_others_own_stays(tmp_path: Path) -> None:
    machine, _, _ = owner_mark().partition("-")
    kept = [
        f".head.part-{owner_mark()}-abc", f".head.part-{machine}-1-abc", ".head.part-00000000-999999999-abc",
        ".head.backup", f".other.part-{machine}-999999999-abc", ".head.part-abc",
    ]  # fmt: skip
    for name in kept:
        (tmp_path / name).mkdir()
    with whole_folder(tmp_path / "head"):
        pass
    assert {p.name for p in tmp_path.iterdir()} == {*kept, "head"}


@pytest.mark.skipif(os.name != "posix", reason="asks for processes")
def test_the_cache_drops_what_a_killed_process_left(tmp_path: Path) -> None:
    machine, _, _ = owner_mark().partition("-")
    dead = next(n for n in range(2**22, 2**22 + 50) if is_abandoned(f"{machine}-{n}"))
    (tmp_path / f"{machine}-{dead}-abc.partial").write_bytes(b"half")
    (tmp_path / f"{owner_mark()}-abc.partial").write_bytes(b"being written")
    (tmp_path / "a-b-c-d.partial").write_bytes(b"something else")
    Cache(tmp_path, 10**8).put("key", 1)
    left = {p.name for p in tmp_path.iterdir()}
    assert left == {"key.npz", f"{owner_mark()}-abc.partial", "a-b-c-d.partial"}


def test_a_mark_that_says_nothing_is_nobodys() -> None:
    for mark in ("", "abc", "-", f"{owner_mark()}-1", owner_mark()):
        assert not is_abandoned(mark)
