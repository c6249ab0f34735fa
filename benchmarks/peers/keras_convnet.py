"""The "Simple MNIST convnet" of Keras' documentation, trained as it is there.

It trains on the first nine tenths and keeps the rest for validation, which is left out here, as
are metrics: they would cost time. The accuracy is read between epochs, with the clock stopped.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from epochs import Training

BATCH = 128


def main() -> None:
    """Train, print."""
    training = Training()
    keras.utils.set_random_seed(training.seed)
    n = len(training.images) * 9 // 10
    images, labels = training.images[:n], training.labels[:n]
    test = scale(training.test_images)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    beginning = [variable.numpy() for variable in variables]
    # Both sizes of batch that an epoch has: each is compiled for itself.
    few = BATCH + n % BATCH
    model.fit(scale(images[:few]), labels[:few], batch_size=BATCH, verbose=0)
    for variable, value in zip(variables, beginning, strict=True):
        variable.assign(value)

    def note(*_: Any) -> None:
        training.stop()
        training.note(model.predict(test, batch_size=1000, verbose=0).argmax(axis=1))
        training.start()

    training.start()
    model.fit(
        scale(images), labels,
        batch_size=BATCH, epochs=round(training.epochs), verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=note)],
    )  # fmt: skip
    training.report()


def scale(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give the pictures as the network takes them: float32 (n, 28, 28, 1) in [0, 1]."""
    return images[..., None].astype(np.float32) / np.float32(255)


if __name__ == "__main__":
    main()
