"""Fuzz the IDX reader: any bytes must give an array or a DataError, soon and in little memory.

    python tests/fuzz/fuzz_idx.py --seconds 600 --seed 0

The process limits its own address space, so that an allocation on a lying header's word fails
loudly. Case i of seed s is the same bytes every time; a finding is printed with both, and its
bytes are written to the current folder. Exits 1 on a finding, else 0.
"""

from __future__ import annotations

import gzip
import struct
import sys
import zlib
from pathlib import Path
from random import Random

import numpy as np
from harness import fuzz

from mnistry.data.idx import encode_idx, read_idx
from mnistry.errors import DataError

TYPES = ["u1", "i1", "i2", "i4", "f4", "f8"]
EDGES = [0, 1, 2, 27, 28, 255, 256, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1]


def valid(random: Random) -> bytes:
    """Give a raw file that is what it says."""
    shape = tuple(random.randint(1, 6) for _ in range(random.randint(1, 8)))
    if random.random() < 0.2:
        shape = (random.randint(1, 300), 28, 28)
    size = int(np.prod(shape)) * 8
    body = np.frombuffer(random.randbytes(min(size, 64)) * (size // 64 + 1), np.uint8)[:size]
    kind = np.dtype(random.choice(TYPES))
    return encode_idx(body[: int(np.prod(shape)) * kind.itemsize].view(kind).reshape(shape))


def zipped(raw: bytes, random: Random) -> bytes:
    """Gzip in one of the ways that gzip allows: levels, stored, members, padding, header fields."""
    form = random.randrange(5)
    if form == 0:
        cuts = sorted(random.randint(0, len(raw)) for _ in range(random.randint(1, 5)))
        parts = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
        return b"".join(gzip.compress(part, random.choice([0, 1, 9])) for part in parts)
    if form == 1:
        return gzip.compress(raw) + bytes(random.choice([1, 100, 70_000]))
    if form == 2:  # a name, a comment and an extra field, some longer than the reader's chunk
        plain = gzip.compress(raw)
        length = random.choice([0, 5, 65_535])
        extra = struct.pack("<H", length) + random.randbytes(length)
        name = b"n" * random.choice([0, 10, 100_000]) + b"\0"
        return plain[:3] + b"\x1c" + plain[4:10] + extra + name + b"comment\0" + plain[10:]
    if form == 3:  # many flushes: the inflater answers in crumbs
        deflater = zlib.compressobj(random.randint(0, 9), wbits=31)
        step = random.randint(1, 40)
        crumbs = [
            deflater.compress(raw[i : i + step]) + deflater.flush(zlib.Z_FULL_FLUSH)
            for i in range(0, min(len(raw), 4000), step)
        ]
        return b"".join(crumbs) + deflater.compress(raw[4000:]) + deflater.flush()
    return gzip.compress(raw, random.randint(0, 9))


def bomb(random: Random) -> bytes:
    """Gzip that holds far more than its header says, or a header that claims what gzip could."""
    mebibytes = random.choice([1, 8, 64])
    zeros = zlib.compressobj(9, wbits=31)
    claim = random.choice([2, 2**20 * mebibytes - 1, 2**20 * mebibytes + 1, 1000 * 2**20])
    parts = [zeros.compress(struct.pack(">HBBI", 0, 8, 1, claim))]
    parts += [zeros.compress(bytes(2**20)) for _ in range(mebibytes)]
    return b"".join(parts) + zeros.flush()


def mutate(data: bytes, random: Random) -> bytes:
    """Damage the bytes as disks, networks and enemies do."""
    bad = bytearray(data)
    for _ in range(random.choice([1, 1, 1, 2, 4, 16])):
        at = random.randrange(len(bad)) if bad else 0
        near = random.randrange(min(len(bad), 40)) if bad else 0
        how = random.randrange(9)
        if how == 0 and bad:
            bad[at] ^= 1 << random.randrange(8)
        elif how == 1 and bad:
            bad[near] = random.randrange(256)
        elif how == 2 and len(bad) >= 8:  # a dimension, or what gzip keeps there
            i = 4 * random.randint(1, min(9, len(bad) // 4 - 1))
            bad[i : i + 4] = struct.pack(">I", random.choice(EDGES))
        elif how == 3 and len(bad) > 4:
            bad[2] = random.choice([8, 9, 11, 12, 13, 14, random.randrange(256)])
        elif how == 4 and len(bad) > 4:
            bad[3] = random.choice([0, 1, 2, 3, 4, 8, 64, 65, 255])
        elif how == 5:
            del bad[random.choice([at, near, max(0, len(bad) - random.randint(1, 12))]) :]
        elif how == 6:
            bad[at:at] = random.randbytes(random.randint(1, 20))
        elif how == 7:
            bad += random.choice([b"\0", b"\n", bytes(bad[:30]), random.randbytes(9)])
        elif bad:
            end = random.randint(at, len(bad))
            bad[near:near] = bad[at:end]
    return bytes(bad)


def case(random: Random) -> bytes:
    if random.random() < 0.01:
        return bomb(random)
    raw = valid(random)
    if random.random() < 0.3:
        raw = mutate(raw, random)  # a lie inside sound gzip
    data = zipped(raw, random) if random.random() < 0.6 else raw
    return mutate(data, random) if random.random() < 0.9 else data


def check(data: bytes, folder: Path, random: Random) -> bool:
    """Read `data`; give whether an array came. Anything but an array or a DataError escapes."""
    form = random.randrange(3)
    path = folder / "case"
    if form:
        path.write_bytes(data)
    try:
        array = read_idx(path if form else data, mmap=form == 2)
    except DataError as error:
        if len(str(error)) > 2000:
            raise AssertionError("a sentence of more than 2000 characters") from error
        return False
    if array.size == 0:
        raise AssertionError("an empty array")
    if not data.startswith(b"\x1f\x8b") and encode_idx(array) != data:
        raise AssertionError("the array is not what the bytes say")
    return True


if __name__ == "__main__":
    sys.exit(fuzz("the IDX reader", case, check))
