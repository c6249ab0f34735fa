"""Reading millions of pictures into Parquet, on one machine or on a cluster."""

from mnistry.reader.job.job import MOST_PER_FILE, PER_FILE, Summary, read_into
from mnistry.reader.job.table import schema

__all__ = ["MOST_PER_FILE", "PER_FILE", "Summary", "read_into", "schema"]
