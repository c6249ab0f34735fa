"""The reader: a picture of handwritten digits in, a reading out."""

from mnistry.reader.reader import ALPHA, LEVEL, Reader

__all__ = ["ALPHA", "LEVEL", "Reader"]
