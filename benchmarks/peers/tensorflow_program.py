"""The tutorial as a TensorFlow program, graph mode: load, train, evaluate, write."""

from __future__ import annotations

import json

import numpy as np
import tensorflow.compat.v1 as tf

from program import read_arguments


def main() -> None:
    """Do it all; print the test accuracy."""
    args = read_arguments()
    rng = np.random.default_rng(args.seed)
    with np.load(args.data) as data:
        images = data["x_train"][5000:].reshape(-1, 784).astype(np.float32) / 255
        one_hot = np.eye(10, dtype=np.float32)[data["y_train"][5000:]]
        test_images = data["x_test"].reshape(-1, 784).astype(np.float32) / 255
        test_one_hot = np.eye(10, dtype=np.float32)[data["y_test"]]
    tf.disable_eager_execution()
    x = tf.placeholder(tf.float32, [None, 784])
    y_ = tf.placeholder(tf.float32, [None, 10])
    y = tf.matmul(x, tf.Variable(tf.zeros([784, 10]))) + tf.Variable(tf.zeros([10]))
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y))
    train_step = tf.train.GradientDescentOptimizer(0.5).minimize(cross_entropy)
    right = tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1))
    accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        epoch = len(images) // 100
        for step in range(args.steps):
            if step % epoch == 0:
                order = rng.permutation(len(images))
            rows = order[step % epoch * 100 :][:100]
            session.run(train_step, feed_dict={x: images[rows], y_: one_hot[rows]})
        found = session.run(accuracy, feed_dict={x: test_images, y_: test_one_hot})
        tf.train.Saver().save(session, args.model)
    print(json.dumps({"accuracy": float(found)}))


if __name__ == "__main__":
    main()
