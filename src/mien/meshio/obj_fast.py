"""Tokenizing an OBJ file's bytes in machine code; `obj_text` is the plain twin and explains what is wrong.

Two passes over the bytes: one counts, one fills arrays of exactly that size. Whatever is not the common
grammar (continued lines, bare carriage returns, NaN, words among numbers, indices that do not exist) makes
both passes give up, and the plain reader then reads or refuses the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import no_type_check

import numpy as np
from jaxtyping import Float, Int, UInt8
from numba import njit

_MAX_COLUMNS = 7
_NEWLINE, _RETURN, _SPACE, _TAB, _HASH, _BACKSLASH = 10, 13, 32, 9, 35, 92
_MINUS, _PLUS, _DOT, _SLASH, _ZERO, _NINE = 45, 43, 46, 47, 48, 57
_POWERS = 10.0 ** np.arange(23)


@dataclass(frozen=True)
class ObjArrays:
    """An OBJ's numbers: vertex rows (3 columns, or 6 with colours, NaN on lines without), UVs, and faces as
    corners.

    `corners` are 0-based (vertex, UV or -1), `counts` corners a face. `words` are the byte offsets of the
    `usemtl` and `mtllib` lines and `words_face` how many faces stand above each; `polypaint` where the
    digits of ZBrush's `#MRGB` lines begin and end.
    """

    vertices: Float[np.ndarray, "N K"]
    uvs: Float[np.ndarray, "U 2"]
    corners: Int[np.ndarray, "C 2"]
    counts: Int[np.ndarray, " F"]
    words: Int[np.ndarray, " W"]
    words_face: Int[np.ndarray, " W"]
    polypaint: Int[np.ndarray, "P 2"]


def tokenize(data: UInt8[np.ndarray, " B"]) -> ObjArrays | None:
    """The whole file's arrays; None where the plain reader must look. Numbers of up to 15 digits are read
    to the last bit, longer ones to one unit in the last place."""
    counted = _count(data)
    if counted[0] < 0 or counted[0] == 0 or counted[3] == 0:
        return None
    n_vertices, n_uvs, n_faces, n_corners, n_words, n_paint, columns = counted
    vertices = np.empty((n_vertices, columns))
    uvs = np.empty((n_uvs, 2))
    corners = np.empty((n_corners, 2), np.int32)
    counts = np.empty(n_faces, np.int32)
    words, words_face = np.empty(n_words, np.int64), np.empty(n_words, np.int64)
    polypaint = np.empty((n_paint, 2), np.int64)
    if not _fill(data, vertices, uvs, corners, counts, words, words_face, polypaint, _POWERS):
        return None
    return ObjArrays(vertices, uvs, corners, counts, words, words_face, polypaint)


@njit(cache=True)
@no_type_check
def _kind(data, at, size):
    """What the line that begins here is: 1 v, 2 vt, 3 f, 4 usemtl or mtllib, 5 #MRGB, 0 anything else; and
    where its body begins."""
    if at + 1 >= size:
        return 0, at
    second = data[at + 1]
    gap = second in (_SPACE, _TAB)
    if data[at] == 118:  # v
        if gap:
            return 1, at + 2
        if second == 116 and at + 2 < size and (data[at + 2] == _SPACE or data[at + 2] == _TAB):
            return 2, at + 3
    elif data[at] == 102 and gap:  # f
        return 3, at + 2
    elif (data[at] == 117 and second == 115) or (data[at] == 109 and second == 116):  # us.., mt..
        return 4, at
    elif data[at] == _HASH and second == 77 and _polypaint(data, at, size):  # #M
        return 5, at + 5
    return 0, at


@njit(cache=True)
@no_type_check
def _polypaint(data, at, size):
    """Whether RGB and a blank follow on #M."""
    if at + 5 >= size or data[at + 2] != 82 or data[at + 3] != 71 or data[at + 4] != 66:
        return False
    return data[at + 5] == _SPACE or data[at + 5] == _TAB


@njit(cache=True)
@no_type_check
def _skip_blank(data, at, size):
    while at < size and (data[at] == _SPACE or data[at] == _TAB):
        at += 1
    return at


@njit(cache=True)
@no_type_check
def _line_over(data, at, size):
    """Whether nothing but a comment follows on this line."""
    return at >= size or data[at] == _NEWLINE or data[at] == _RETURN or data[at] == _HASH


@njit(cache=True)
@no_type_check
def _next_line(data, at, size):
    """The next line's beginning; -1 at a continued line or a bare carriage return."""
    while at < size and data[at] != _NEWLINE:
        if data[at] == _BACKSLASH and at + 1 < size and (data[at + 1] == _NEWLINE or data[at + 1] == _RETURN):
            return -1
        if data[at] == _RETURN and at + 1 < size and data[at + 1] != _NEWLINE:
            return -1
        at += 1
    return at + 1


@njit(cache=True)
@no_type_check
def _tokens(data, at, size):
    """How many tokens stand on the rest of this line, and where that is over."""
    count = 0
    at = _skip_blank(data, at, size)
    while not _line_over(data, at, size):
        count += 1
        while not _line_over(data, at, size) and data[at] != _SPACE and data[at] != _TAB:
            at += 1
        at = _skip_blank(data, at, size)
    return count, at


@njit(cache=True)
@no_type_check
def _count(data):
    """(vertices, uvs, faces, corners, words, lines of polypaint, columns a vertex); all -1 to give up."""
    size = data.shape[0]
    vertices = uvs = faces = corners = words = paint = 0
    columns = 3
    at = 0
    while at < size:
        at = _skip_blank(data, at, size)
        kind, body = _kind(data, at, size)
        if kind == 1:
            tokens, over = _tokens(data, body, size)
            at = over - 1  # a backslash there continues the line
            if tokens < 3:
                return -1, -1, -1, -1, -1, -1, -1
            vertices += 1
            columns = max(columns, tokens)
        elif kind == 2:
            uvs += 1
        elif kind == 3:
            tokens, over = _tokens(data, body, size)
            at = over - 1  # a backslash there continues the line
            if tokens < 3:
                return -1, -1, -1, -1, -1, -1, -1
            faces += 1
            corners += tokens
        elif kind == 4:
            words += 1
        elif kind == 5:
            paint += 1
        at = _next_line(data, at, size)
        if at < 0:
            return -1, -1, -1, -1, -1, -1, -1
    return vertices, uvs, faces, corners, words, paint, 6 if columns >= 6 else 3


@njit(cache=True)
@no_type_check
def _number(data, at, size, powers):
    """(value, where it ends); the end is -1 where no number stands here.

    Mantissas below 2**53 with powers of ten up to 22 are exact (Clinger 1990, section 3).
    """
    negative = False
    if at < size and (data[at] == _MINUS or data[at] == _PLUS):
        negative = data[at] == _MINUS
        at += 1
    mantissa = np.int64(0)
    exponent = 0
    digits = 0
    seen_dot = False
    while at < size:
        c = data[at]
        if _ZERO <= c <= _NINE:
            digits += 1
            if mantissa < 100000000000000000:
                mantissa = mantissa * 10 + np.int64(c - _ZERO)
                exponent -= seen_dot
            else:
                exponent += not seen_dot
        elif c == _DOT and not seen_dot:
            seen_dot = True
        else:
            break
        at += 1
    if digits == 0:
        return 0.0, -1
    if at < size and (data[at] == 101 or data[at] == 69):  # e, E
        power, end = _integer(data, at + 1, size)
        if end < 0:
            return 0.0, -1
        exponent += power
        at = end
    value = float(mantissa)
    while exponent < 0 and value != 0.0:
        step = min(-exponent, 22)
        value /= powers[step]
        exponent += step
    while exponent > 0 and value != 0.0 and value < 1e300:
        step = min(exponent, 22)
        value *= powers[step]
        exponent -= step
    if value >= 1e300:
        return 0.0, -1
    return -value if negative else value, at


@njit(cache=True)
@no_type_check
def _integer(data, at, size):
    """(value, where it ends); the end is -1 where no integer of up to 10 digits stands here."""
    negative = False
    if at < size and (data[at] == _MINUS or data[at] == _PLUS):
        negative = data[at] == _MINUS
        at += 1
    value = np.int64(0)
    first = at
    while at < size and _ZERO <= data[at] <= _NINE and at - first < 10:
        value = value * 10 + np.int64(data[at] - _ZERO)
        at += 1
    if at == first:
        return np.int64(0), -1
    return -value if negative else value, at


@njit(cache=True)
@no_type_check
def _numbers(data, at, size, out, powers):
    """How many numbers stand on the rest of the line, the first of them in `out`, and where that is over; -1
    where something else does.

    A comment that touches a number is something else: Microsoft writes NaN as 1.#QNAN.
    """
    count = 0
    at = _skip_blank(data, at, size)
    while not _line_over(data, at, size):
        number, at = _number(data, at, size, powers)
        if at < 0 or (at < size and data[at] > _SPACE):
            return -1, at
        if count < out.shape[0]:
            out[count] = number
        count += 1
        at = _skip_blank(data, at, size)
    return count, at


@njit(cache=True)
@no_type_check
def _corner(data, at, size, n_vertices, n_uvs, out):
    """One `v`, `v/vt`, `v//vn` or `v/vt/vn` into `out`, 0-based; where it ends, or -1."""
    vertex, at = _integer(data, at, size)
    uv = np.int64(0)
    if at > 0 and at < size and data[at] == _SLASH:
        at += 1
        if at < size and data[at] != _SLASH and data[at] > _SPACE:
            uv, at = _integer(data, at, size)
        if at > 0 and at < size and data[at] == _SLASH:
            at += 1
            if at < size and data[at] > _SPACE:
                _, at = _integer(data, at, size)
    if at < 0 or vertex == 0 or (at < size and data[at] > _SPACE and data[at] != _HASH):
        return -1
    vertex = vertex - 1 if vertex > 0 else n_vertices + vertex
    if uv != 0:
        uv = uv - 1 if uv > 0 else n_uvs + uv
        if uv < 0:
            return -1
    else:
        uv = -1
    if vertex < 0:
        return -1
    out[0], out[1] = vertex, uv
    return at


@njit(cache=True)
@no_type_check
def _fill(data, vertices, uvs, corners, counts, words, words_face, polypaint, powers):
    """The second pass; False to give up. Indices may name what stands further down in the file."""
    size = data.shape[0]
    v = t = f = c = w = p = 0
    at = 0
    while at < size:
        at = _skip_blank(data, at, size)
        kind, body = _kind(data, at, size)
        if kind == 1:
            count, at = _numbers(data, body, size, vertices[v], powers)
            if count < 3:
                return False
            if count < 6:
                vertices[v, 3:] = np.nan
            v += 1
        elif kind == 2:
            count, at = _numbers(data, body, size, uvs[t], powers)
            if count < 2:
                return False
            t += 1
        elif kind == 3:
            first = c
            body = _skip_blank(data, body, size)
            while not _line_over(data, body, size):
                body = _corner(data, body, size, v, t, corners[c])
                if body < 0 or corners[c, 0] >= vertices.shape[0] or corners[c, 1] >= uvs.shape[0]:
                    return False
                c += 1
                body = _skip_blank(data, body, size)
            counts[f] = c - first
            f += 1
            at = body
        elif kind == 4:
            words[w], words_face[w] = at, f
            w += 1
        at = _next_line(data, at, size)
        if kind == 5:
            polypaint[p, 0], polypaint[p, 1] = body, at - 1
            p += 1
    return True
