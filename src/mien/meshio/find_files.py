"""Files that another file names, found though their names are of another machine.

Names are `str`; bytes that are not valid UTF-8 are kept as surrogates (`os.fsdecode`), so that equal bytes
are equal names.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from mien.core.errors import readable

_LEGACY = ("gb18030", "cp932", "big5", "cp949", "cp1252", "cp1251", "cp850", "cp437", "mac_roman")
_MISREAD_AS = ("cp437", "cp850", "cp1252", "latin-1", "mac_roman")  # how archives spoil names
_IMAGE_FOLDERS = ("textures", "texture", "tex", "maps", "images", "materials")
_TILE = re.compile(r"<udim>|<uvtile>", re.IGNORECASE)
_TILE_NUMBERS = {"<udim>": r"1\d{3}", "<uvtile>": r"u\d+_v\d+"}
_MOST_ENTRIES = 200_000  # of a folder that are compared


def find_beside(folder: Path, named: str) -> tuple[Path, str | None]:
    """The file that a file in `folder` names, and a note in plain words where it was not found literally.

    Backslashes, drive letters, folders that are not here, percent-encoding, another case and other encodings
    of the name are tolerated, in this order, where exactly one file fits; images are also looked for in
    folders such as `textures`. `<UDIM>` stands for the numbers of tiles. Where nothing is found the literal
    path comes back, which does not exist; where several files fit, the note names them.
    """
    slashed = named.replace("\\", "/")
    for literal in (folder / named, folder / slashed):
        if is_there(literal):
            return literal, None
    for found in _places(folder, _parts(slashed)):
        if len(found) == 1:
            return found[0], taken_instead(named, found[0], folder)
        if found:
            several = " and ".join(_shown(path, folder) for path in found[:2])
            return literal, f'"{readable(named)}" may be {several}: rename the one that is meant'
    return literal, None


def taken_instead(named: str, found: Path, folder: Path) -> str:
    """The note on a file that was found under another name than a file in `folder` names."""
    return f'"{readable(named)}", which it names, is not here: {_shown(found, folder)} is read instead'


def is_there(path: Path) -> bool:
    """Whether the file, or for a pattern one of its tiles, exists; never an error, however odd the name."""
    if tile := _TILE.search(path.name):
        return path.name in _tile_patterns(_entries(path.parent), tile[0])
    return os.path.isfile(path)


def match_name(named: str, among: Iterable[str]) -> list[str]:
    """Those names that mean the same: equal, or else but for case, or else in some encoding of both."""
    names = list(among)
    if named in names:
        return [named]
    plain = _plain(named)
    if same := [name for name in names if _plain(name) == plain]:
        return same
    wanted = _readings(named)
    return [name for name in names if not wanted.isdisjoint(_readings(name))]


def _parts(slashed: str) -> list[str]:
    """The path's parts without scheme, drive letter and root."""
    rest = re.sub(r"^(file:)?/*([A-Za-z]:)?/*", "", slashed, flags=re.IGNORECASE)
    return [part for part in rest.split("/") if part not in ("", ".")]


def _places(folder: Path, parts: list[str]) -> Iterator[list[Path]]:
    """What fits, place by place: the path's ends, the longest first, below `folder`; then image folders."""
    for first in range(len(parts)):
        yield _walk([folder], parts[first:])
    if parts:
        yield _walk(list(_image_folders(folder)), parts[-1:])


def _image_folders(folder: Path) -> Iterator[Path]:
    """Folders below and beside this one with the usual names of image folders."""
    for parent in (folder, folder.absolute().parent):
        for name in _entries(parent):
            if name.lower() in _IMAGE_FOLDERS and (parent / name).is_dir():
                yield parent / name


def _walk(folders: list[Path], parts: list[str]) -> list[Path]:
    """The files below these folders whose path has these parts, or parts that mean the same."""
    for part in parts:
        folders = [folder / name for folder in folders for name in _in_folder(folder, part)]
    return [path for path in folders if is_there(path)]


def _in_folder(folder: Path, part: str) -> list[str]:
    if part == "..":
        return [part]
    entries = _entries(folder)
    if tile := _TILE.search(part):
        entries = _tile_patterns(entries, tile[0])
    return match_name(part, entries)


def _tile_patterns(entries: list[str], placeholder: str) -> list[str]:
    """The names with their tile's number replaced by the placeholder, each once."""
    number = re.compile(_TILE_NUMBERS[placeholder.lower()])
    return sorted({number.sub(placeholder, name) for name in entries if number.search(name)})


def _entries(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, _MOST_ENTRIES))
    except (OSError, ValueError):
        return []


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", unquote(name, errors="surrogateescape")).casefold()


def _readings(name: str) -> set[str]:
    """What a name may have been before it was written in a legacy encoding or misread from one."""
    decoded = unquote(name, errors="surrogateescape")
    spelled = [] if decoded.isascii() else list(_bytes_before(decoded))
    every = {decoded, *(text for octets in spelled for text in _decodings(octets))}
    return {unicodedata.normalize("NFC", text).casefold() for text in every}


def _bytes_before(name: str) -> Iterator[bytes]:
    """The name's own bytes where they are no UTF-8, else those that it may have been misread from."""
    if re.search("[\udc80-\udcff]", name):
        yield name.encode("utf-8", "surrogateescape")
        return
    for encoding in _MISREAD_AS:
        try:
            yield name.encode(encoding)
        except UnicodeError:
            continue


def _decodings(octets: bytes) -> Iterator[str]:
    for encoding in ("utf-8", *_LEGACY):
        try:
            yield octets.decode(encoding)
        except UnicodeError:
            continue


def _shown(path: Path, folder: Path) -> str:
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    return readable(str(shown))
