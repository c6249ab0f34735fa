"""Training of convnets with PyTorch (extra `train`)."""

import os
from importlib.util import find_spec

from mnistry.errors import MissingExtra

if find_spec("torch") is None:
    raise MissingExtra("Training a convnet", "PyTorch", "train")

# PyTorch's threads on Linux wait by spinning. On a machine that is busy with other work, that
# takes the cores from those waited for, and training was seen to take 6 times as long; so they
# sleep after some microseconds. It counts where PyTorch was not imported before.
os.environ.setdefault("GOMP_SPINCOUNT", "30000")
