"""mnistry's convnet: the recipe for so many epochs; the test is read once, at the end.

With ``--views`` each test picture is looked at more than once, see `mnistry.training.run.Run`.
"""

from __future__ import annotations

import argparse

from epochs import Training
from mnistry import DataSet
from mnistry.models.convnet import VIEWS, ConvNet
from mnistry.training.recipe import Recipe
from mnistry.training.trainer import Trainer


def main() -> None:
    """Train, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--views", choices=list(VIEWS), default="one")
    training = Training(parser)
    train = DataSet(training.images, training.labels, tuple("0123456789"))
    trainer = Trainer(Recipe.for_epochs(training.epochs), train, seed=training.seed)
    trainer.warm_up()
    training.start()
    trainer.run()
    training.stop()
    model = ConvNet(trainer.model().members, views=VIEWS[training.args.views])
    training.note(model.predict(training.test_images))
    training.report(path=trainer.path)


if __name__ == "__main__":
    main()
