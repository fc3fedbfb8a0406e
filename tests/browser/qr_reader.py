"""Reads a QR code from a screenshot, with no help from what drew it.

For codes as a page draws them: upright, undistorted, every module right. So errors are not
corrected but raised. The standard's tables are segno's.
Source: ISO/IEC 18004:2015, §7 (encodation, placement, masking, format information).
"""

import zlib
from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from typing import Any

from segno import consts

Modules = list[list[bool]]
"""Rows of modules, True for dark."""

DARK = 128
FORMAT_MASK = 0x5412
LEVELS = {0: "M", 1: "L", 2: "H", 3: "Q"}
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda y, x: (y + x) % 2 == 0,
    lambda y, x: y % 2 == 0,
    lambda y, x: x % 3 == 0,
    lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0,
    lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0,
    lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0,
)

# Powers of two and their logarithms in the field of 256 that the check codewords are made in.
EXP = [1]
while len(EXP) < 255:
    EXP.append(EXP[-1] << 1 ^ (0x11D if EXP[-1] & 0x80 else 0))
LOG = {power: exponent for exponent, power in enumerate(EXP)}


def read_code(png: bytes) -> str:
    """Return the text of the one code in a picture."""
    modules = find_modules(read_png(png))
    level, mask = _read_format(modules)
    version = (len(modules) - 17) // 4
    bits = [modules[y][x] ^ MASKS[mask](y, x) for y, x in _data_places(version)]
    codewords = [_number(bits[at : at + 8]) for at in range(0, len(bits) - 7, 8)]
    return _read_segments(_deinterleave(codewords, version, level), version)


def find_modules(pixels: list[bytes]) -> Modules:
    """Return the modules of the code whose finder patterns bound the dark part of a picture."""
    dark = [[value < DARK for value in row] for row in pixels]
    rows = [y for y, row in enumerate(dark) if any(row)]
    columns = [x for x in range(len(dark[0])) if any(dark[y][x] for y in rows)]
    top, left = rows[0], columns[0]
    height, width = rows[-1] + 1 - top, columns[-1] + 1 - left
    # The left edge of the upper finder pattern is seven modules of dark.
    middle = [dark[y][left + 1] for y in range(top, top + height)]
    seven = sum(1 for _ in takewhile(bool, middle[middle.index(True) :])) + middle.index(True)
    size = 17 + 4 * round((7 * width / seven - 17) / 4)
    return [
        [
            dark[top + int((y + 0.5) * height / size)][left + int((x + 0.5) * width / size)]
            for x in range(size)
        ]
        for y in range(size)
    ]


def read_png(png: bytes) -> list[bytes]:
    """Return rows of grey values of a PNG with 8 bits for each of RGB or RGBA, as browsers make it.

    Source: PNG (Third Edition), §9.2 Filter types.
    """
    chunks = dict[bytes, bytes]()
    at = 8
    while at < len(png):
        length, kind = int.from_bytes(png[at : at + 4]), png[at + 4 : at + 8]
        chunks[kind] = chunks.get(kind, b"") + png[at + 8 : at + 8 + length]
        at += length + 12
    header = chunks[b"IHDR"]
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    step = {2: 3, 6: 4}[header[9]]
    raw, line = zlib.decompress(chunks[b"IDAT"]), width * step + 1
    above, rows = bytearray(width * step), []
    for y in range(height):
        filtered = raw[y * line : (y + 1) * line]
        above = _unfilter(filtered[0], bytearray(filtered[1:]), above, step)
        rows.append(bytes(sum(above[x : x + 3]) // 3 for x in range(0, len(above), step)))
    return rows


def _unfilter(kind: int, row: bytearray, above: bytearray, step: int) -> bytearray:
    for x in range(len(row)):
        a = row[x - step] if x >= step else 0
        b = above[x]
        c = above[x - step] if x >= step else 0
        nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
        row[x] = (row[x] + (0, a, b, (a + b) // 2, nearest)[kind]) & 0xFF
    return row


def _read_format(modules: Modules) -> tuple[str, int]:
    """Return correction level and mask, from beside the upper left finder pattern."""
    row = [modules[8][x] for x in (0, 1, 2, 3, 4, 5, 7, 8)]
    column = [modules[y][8] for y in (7, 5, 4, 3, 2, 1, 0)]
    told = (_number(row + column) ^ FORMAT_MASK) >> 10
    return LEVELS[told >> 3], told & 7


def _data_places(version: int) -> Iterator[tuple[int, int]]:
    """Yield row and column of every module that carries data, in the order of its bits."""
    size = 17 + 4 * version
    rights = [*range(size - 1, 6, -2), 5, 3, 1]  # column 6 is all timing
    for turn, right in enumerate(rights):
        rows = range(size) if turn % 2 else range(size - 1, -1, -1)
        yield from (
            (y, x) for y in rows for x in (right, right - 1) if not _is_pattern(y, x, version)
        )


def _is_pattern(y: int, x: int, version: int) -> bool:
    """Tell whether a module is there to find, time, align or describe the code."""
    far = 17 + 4 * version - 8
    finder = (y < 9 and (x < 9 or x >= far)) or (y >= far and x < 9)
    told = version > 6 and ((y < 6 and x >= far - 3) or (x < 6 and y >= far - 3))
    centres: tuple[int, ...] = consts.ALIGNMENT_POS[version - 2] if version > 1 else ()
    first, last = min(centres, default=0), max(centres, default=0)
    aligned = any(
        abs(y - cy) <= 2 and abs(x - cx) <= 2
        for cy in centres
        for cx in centres
        if (cy, cx) not in {(first, first), (first, last), (last, first)}
    )
    return finder or told or aligned or y == 6 or x == 6


def _deinterleave(codewords: list[int], version: int, level: str) -> list[int]:
    """Return the data codewords of all blocks, one block after the other."""
    levels: dict[int, Any] = consts.ECC[version]  # type: ignore[assignment]
    groups = levels[getattr(consts, f"ERROR_LEVEL_{level}")]
    sizes = [
        (group.num_data, group.num_total - group.num_data)
        for group in groups
        for _ in range(group.num_blocks)
    ]
    stream = iter(codewords)
    data = _deal(stream, [size for size, _ in sizes])
    checks = _deal(stream, [size for _, size in sizes])
    for block, check in zip(data, checks, strict=True):
        assert not any(_remainders(block + check, len(check))), "a module is wrong"
    return [codeword for block in data for codeword in block]


def _deal(stream: Iterator[int], sizes: list[int]) -> list[list[int]]:
    """Deal codewords out to blocks in turn, until each has its size."""
    blocks: list[list[int]] = [[] for _ in sizes]
    for place in range(max(sizes)):
        for block, size in zip(blocks, sizes, strict=True):
            if place < size:
                block.append(next(stream))
    return blocks


def _remainders(block: list[int], count: int) -> Iterator[int]:
    """Yield what a block leaves at each root of its code: zero everywhere when it is right."""
    for power in range(count):
        total = 0
        for codeword in block:
            total = (EXP[(LOG[total] + power) % 255] if total else 0) ^ codeword
        yield total


def _read_segments(codewords: list[int], version: int) -> str:
    bits = iter([bool(word >> shift & 1) for word in codewords for shift in range(7, -1, -1)])

    def take(count: int) -> int:
        return _number(list(islice(bits, count)))

    wide = version > 9
    text = ""
    while mode := take(4):
        match mode:
            case 1:
                text += "".join(_digits(take, take(12 if wide else 10)))
            case 2:
                text += "".join(_alphanumerics(take, take(11 if wide else 9)))
            case 4:
                text += bytes(take(8) for _ in range(take(16 if wide else 8))).decode("ascii")
            case _:
                raise AssertionError(f"mode {mode} is none of ours")
    return text


def _digits(take: Callable[[int], int], count: int) -> Iterator[str]:
    for at in range(0, count, 3):
        width = min(3, count - at)
        yield f"{take((0, 4, 7, 10)[width]):0{width}}"


def _alphanumerics(take: Callable[[int], int], count: int) -> Iterator[str]:
    for at in range(0, count, 2):
        if count - at == 1:
            yield ALPHANUMERIC[take(6)]
        else:
            first, second = divmod(take(11), 45)
            yield ALPHANUMERIC[first] + ALPHANUMERIC[second]


def _number(bits: list[bool]) -> int:
    return int("".join("01"[bit] for bit in bits) or "0", 2)
