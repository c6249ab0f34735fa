"""A whole program's command line: ``PROGRAM.py mnist.npz MODEL --steps N --seed S``."""

from __future__ import annotations

import argparse


def read_arguments() -> argparse.Namespace:
    """Give `data`, `model` (where it goes, without an ending), `steps` and `seed`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("model")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    return parser.parse_args()
