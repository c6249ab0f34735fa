"""mnistry reads; with ``--known`` it is told how many digits each picture has."""

from __future__ import annotations

from functools import lru_cache

from mnistry.cores import cores
from mnistry.reader import Reader
from mnistry.reading import Reading
from pile import Pile, answer, parser


def main() -> None:
    """Read, print."""
    arguments = parser()
    arguments.add_argument("--known", action="store_true")
    args = arguments.parse_args()

    @lru_cache(1)  # each keeps processes
    def reader(count: int | None) -> Reader:
        return Reader(count=count)

    def read(pile: Pile) -> list[str]:
        if not args.known:
            return texts(reader(None), pile.files)
        counts = [sum(rows) for rows in pile.rows]
        found = [""] * len(counts)
        for count in set(counts):
            which = [i for i, k in enumerate(counts) if k == count]
            some = texts(reader(count), pile.take(which).files)
            for i, text in zip(which, some, strict=True):
                found[i] = text
        return found

    answer(args, {"": read})


def texts(reader: Reader, files: tuple[str, ...]) -> list[str]:
    """Read some files; what can't be read says nothing."""
    found = (reading for _, reading in reader.read_many(files, workers=cores()))
    return [reading.text if isinstance(reading, Reading) else "" for reading in found]


if __name__ == "__main__":
    main()
