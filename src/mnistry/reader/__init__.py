"""The reader: a picture of handwritten digits in, a reading out."""

from mnistry.reader.reader import ALPHA, LEVEL, MOST_COUNT, Reader

__all__ = ["ALPHA", "LEVEL", "MOST_COUNT", "Reader"]
