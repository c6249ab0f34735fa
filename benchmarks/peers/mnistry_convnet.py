"""mnistry's convnet: the recipe for so many epochs; the test is read once, at the end."""

from __future__ import annotations

from epochs import Training
from mnistry import DataSet
from mnistry.training.recipe import Recipe
from mnistry.training.trainer import Trainer


def main() -> None:
    """Train, print."""
    training = Training()
    train = DataSet(training.images, training.labels, tuple("0123456789"))
    trainer = Trainer(Recipe.for_epochs(training.epochs), train, seed=training.seed)
    trainer.warm_up()
    training.start()
    trainer.run()
    training.stop()
    training.note(trainer.model().predict(training.test_images))
    training.report(path=trainer.path)


if __name__ == "__main__":
    main()
