"""The trainer: one network learns, step by step, and can stop and go on at any of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mnistry.data.dataset import DataSet
from mnistry.errors import InputError, TrainingError
from mnistry.models.convnet import ConvNet, Member
from mnistry.training.device import choose
from mnistry.training.feed import Feed, as_ink, mixed
from mnistry.training.layers import layers, member
from mnistry.training.ranks import ALONE, Ranks
from mnistry.training.recipe import Recipe
from mnistry.training.replay import Replay
from mnistry.training.shares import settle, shared

_CHECK = 50  # steps between two looks at the loss; on a GPU each look waits for it
_MOST_LOOKS = 100  # at the validation pictures in a run
_GLANCE = 1000  # pictures looked at together

Watch = Callable[["Trainer"], None]


class Trainer:
    """Trains one network by stochastic gradient descent, on whatever device there is.

    Parameters
    ----------
    recipe : what to learn with, and how.
    data : what to learn from; its pictures must be of the network's size and classes.
    validation : pictures to watch the accuracy on; nothing is chosen by them here.
    seed : decides every draw.
    device, precision : see `mnistry.training.device.choose`.
    compile : let PyTorch compile the network first: half a minute or more, for long runs.
    ranks : the processes that share each batch, all of them with the same arguments; all call the
        same methods together, but for `member`, `model`, `state` and `load`.

    Attributes
    ----------
    step, steps, seconds : how many are done, of how many, in what time.
    loss : the latest mean, in nats, or None.
    history : a row a look: "epoch", "loss", "accuracy" (None without validation), "rate" in
        pictures a second, and "seconds" of training until then.
    path : where it runs and in which precision, in words.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: DataSet,
        *,
        validation: DataSet | None = None,
        seed: int = 0,
        device: str = "auto",
        precision: str = "auto",
        compile: bool = False,  # noqa: A002 - PyTorch's name for it
        ranks: Ranks = ALONE,
    ) -> None:
        with ranks.as_one():
            _check(recipe, data, seed)
            self.place = choose(device, precision, ranks)
            self.feed = Feed(data, recipe, seed, self.place.device, ranks)
        self.recipe, self.classes, self.seed, self.ranks = recipe, data.classes, seed, ranks
        self.path = str(self.place) if ranks.count == 1 else f"{ranks.count} ranks, {self.place}"
        self.validation = validation if validation is not None and len(validation) else None
        self.steps = round(recipe.epochs * self.feed.in_epoch)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed(seed, 3, 0))
            self.layers = layers(recipe.network, recipe.dropout)
        self.layers.to(self.place.device, memory_format=torch.channels_last)
        forward = shared(self.layers, ranks, self.feed.size)
        self._forward: nn.Module = torch.compile(forward) if compile else forward
        learnt = [p for p in self.layers.parameters() if p.requires_grad]
        self.optimizer = torch.optim.SGD(
            learnt,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
            **self._at_once(),
        )
        for parameter in learnt:
            self.optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self.step = 0
        self.loss: float | None = None
        self.history: list[dict[str, float | None]] = []
        # Of each rank's losses, which together are the sum of the batches' mean losses.
        self._sum, self._count = torch.zeros((), device=self.place.device), 0
        self._part = self.feed.own / self.feed.size
        # The ranks' slopes are averaged, and each must count as its pictures do.
        self._slope = torch.tensor(self._part * ranks.count, device=self.place.device)
        self.seconds = 0.0
        self._replay: Replay | None = None

    def warm_up(self) -> None:
        """Take a step and take it back: what is made at the first step (threads, code) is made."""
        before = self.state()
        self._record()
        self._take_step()
        self.load(before)
        self.feed.forget()

    def run(self, watch: Watch | None = None) -> None:
        """Take the steps that are left.

        `watch` is called after each step; what it raises ends the run, which can be gone on
        with by calling `run` again.

        Raises
        ------
        TrainingError : the loss is no longer a number; the message says where and why.
        """
        looks = max(1, round(self.recipe.epochs / _MOST_LOOKS)) * self.feed.in_epoch
        self.layers.train()
        since = time.perf_counter()
        self._record()
        while self.step < self.steps:
            self._take_step()
            last = self.step == self.steps
            if self.step % _CHECK == 0 or last or self.step % looks == 0:
                self.check()
            if last or self.step % looks == 0:
                self.seconds += time.perf_counter() - since
                self._look()
                since = time.perf_counter()
            if watch is not None:
                self.seconds += time.perf_counter() - since
                since = time.perf_counter()
                watch(self)

    def accuracy(self, data: DataSet) -> float:
        """Give the share of pictures that the network, as it is now, gets right."""
        right = torch.zeros((), dtype=torch.int64)
        own = data.take(self.ranks.share(len(data)))
        self.layers.eval()
        with torch.no_grad(), self.place.precision():
            for i in range(0, len(own), _GLANCE):
                part = own.take(slice(i, i + _GLANCE))
                x = as_ink(torch.from_numpy(part.images.copy()).to(self.place.device))
                logits = self.layers(x)[:, : len(self.classes)]
                answers = logits.argmax(dim=1).cpu().numpy()
                right += int((answers == part.labels).sum())
        self.layers.train()
        return int(self.ranks.add(right)) / len(data)

    def member(self) -> Member:
        """Give the network as it is now, as arrays."""
        return member(self.recipe.network, self.layers)

    def model(self) -> ConvNet:
        """Give the network as it is now, as a model that needs no PyTorch."""
        return ConvNet([self.member()], classes=self.classes)

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all that a run needs to go on, as arrays; `load` takes it.

        Of several ranks, rank 0 has it right after `check`.
        """
        arrays = {f"layers.{k}": _array(v) for k, v in self.layers.state_dict().items()}
        for i, parameter in enumerate(self.optimizer.param_groups[0]["params"]):
            arrays[f"momentum.{i}"] = _array(self.optimizer.state[parameter]["momentum_buffer"])
        arrays["loss"] = np.array([_array(self._sum), self._count], np.float64)
        arrays["step"] = np.array([self.step], np.int64)
        arrays["seconds"] = np.array([self.seconds])
        return arrays

    def load(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Become what a trainer of the same recipe was when it gave this state."""
        layers_ = {k: torch.tensor(arrays[f"layers.{k}"]) for k in self.layers.state_dict()}
        self.layers.load_state_dict(layers_)
        for i, parameter in enumerate(self.optimizer.param_groups[0]["params"]):
            buffer = self.optimizer.state[parameter]["momentum_buffer"]
            buffer.copy_(torch.tensor(arrays[f"momentum.{i}"]))
        self._sum.fill_(arrays["loss"][0] if self.ranks.leads else 0.0)
        self._count, self.step = int(arrays["loss"][1]), int(arrays["step"][0])
        self.seconds = float(arrays["seconds"][0])

    def _at_once(self) -> dict[str, Any]:
        """Give the optimizer's options: one operation for all parameters, the rate where it is."""
        if self.place.device.type == "cuda":
            return {"lr": torch.zeros((), device=self.place.device), "fused": True}
        return {"lr": 0.0, "foreach": True}

    def _record(self) -> None:
        """Make one graph of what a step does, where that pays: on a GPU that no others share."""
        if self._replay or self.place.device.type != "cuda" or self.ranks.count > 1:
            return
        before = self.state()
        self._replay = Replay(self._learn, *self.feed.batch(self.step))
        self.load(before)

    def _take_step(self) -> None:
        x, y = self.feed.batch(self.step)
        group, rate = self.optimizer.param_groups[0], self._rate()
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
        if self.recipe.dropout:
            torch.manual_seed(mixed(self.seed, 4, self.step))
        (self._replay or self._learn)(x, y)
        self._count += 1
        self.step += 1

    def _learn(self, x: Tensor, y: Tensor) -> None:
        with self.place.repeatable():
            with self.place.precision():
                logits = self._forward(x)
            loss = functional.cross_entropy(
                logits.float(), y, label_smoothing=self.recipe.smoothing
            )
            self.optimizer.zero_grad()
            loss.backward(self._slope)
            settle(self.layers, self.ranks)
            self.optimizer.step()
            self._sum.add_(loss.detach(), alpha=self._part)

    def _rate(self) -> float:
        """Give the learning rate of this step: up evenly, then down evenly."""
        highest = self.recipe.rate * self.feed.size / self.recipe.batch
        rising = max(1.0, self.recipe.warmup * self.steps)
        done = self.step + 1
        if done <= rising:
            return highest * done / rising
        return highest * (self.steps - self.step) / max(self.steps - rising, 1.0)

    def check(self) -> None:
        """Take note of the mean loss; stop if it, or a weight, is no finite number any more."""
        arrays = self.layers.state_dict().values()
        finite = torch.stack([torch.isfinite(array).all() for array in arrays])
        total, broken = self.ranks.add(torch.stack([self._sum, (~finite).sum().float()])).tolist()
        broken = round(broken / self.ranks.count)
        self._sum.fill_(total if self.ranks.leads else 0.0)
        loss = total / max(self._count, 1)
        if np.isfinite(loss) and broken == 0:
            self.loss = loss
            return
        before = "it never was one" if self.loss is None else f"it was {self.loss:.3f} before"
        raise self.ranks.agreed(
            TrainingError(
                f"Training ran away: by step {self.step:,} of {self.steps:,} the loss is "
                f"{loss:.3g} ({before}), with a learning rate of {self._rate():.3g} "
                f"and {broken} of {len(arrays)} arrays of weights gone; "
                "lower the recipe's `rate`, or take precision 'float32' if it was 'bfloat16'."
            )
        )

    def _look(self) -> None:
        """Add a row to the history."""
        rate = self.step * self.feed.size / max(self.seconds, 1e-9)
        accuracy = None if self.validation is None else self.accuracy(self.validation)
        self.history.append(
            {
                "epoch": self.step / self.feed.in_epoch,
                "loss": self.loss,
                "accuracy": accuracy,
                "rate": rate,
                "seconds": self.seconds,
            }
        )
        self._sum.zero_()
        self._count = 0


def _check(recipe: Recipe, data: DataSet, seed: int) -> None:
    """Refuse what can't be learnt."""
    found, k = data.images.shape[1:], len(data.classes)
    if (recipe.network.shape, recipe.network.classes) != (found, k):
        h, w = recipe.network.shape
        raise InputError(
            f"The recipe's network is for pictures of {h}x{w} in {recipe.network.classes} "
            f"classes; the data has {found[0]}x{found[1]} in {k}. Make it for the data: "
            "`Recipe.for_epochs(epochs, shape, classes)`."
        )
    if len(data) < 2:
        raise InputError(f"There must be at least two pictures to learn from; got {len(data)}.")
    if seed < 0:
        raise InputError(f"`seed` must be 0 or more; got {seed}.")


def _array(tensor: Tensor) -> NDArray[Any]:
    return np.array(tensor.detach().cpu().numpy())
