"""The tutorial in TensorFlow as it was written: a graph, a session, feed_dict."""

from __future__ import annotations

import time

import numpy as np
import tensorflow.compat.v1 as tf

from task import BATCH, RATE, read_task, report


def main() -> None:
    """Train, print."""
    task = read_task()
    images, one_hot = task.x, task.one_hot
    rng = np.random.default_rng(task.seed)
    tf.disable_eager_execution()
    start = time.perf_counter()
    x = tf.placeholder(tf.float32, [None, 784])
    y_ = tf.placeholder(tf.float32, [None, 10])
    y = tf.matmul(x, tf.Variable(tf.zeros([784, 10]))) + tf.Variable(tf.zeros([10]))
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y))
    train_step = tf.train.GradientDescentOptimizer(RATE).minimize(cross_entropy)
    initial = tf.global_variables_initializer()
    with tf.Session() as session:

        def train(steps: int) -> None:
            epoch = len(images) // BATCH
            session.run(initial)
            for step in range(steps):
                if step % epoch == 0:
                    order = rng.permutation(len(images))
                rows = order[step % epoch * BATCH :][:BATCH]
                session.run(train_step, feed_dict={x: images[rows], y_: one_hot[rows]})

        train(1)
        ready = time.perf_counter()
        train(task.steps)
        end = time.perf_counter()
        predicted = session.run(y, feed_dict={x: task.test_x}).argmax(axis=1)
    accuracy = (predicted == task.test_labels).mean()
    report(ready - start, end - ready, accuracy, task)


if __name__ == "__main__":
    main()
