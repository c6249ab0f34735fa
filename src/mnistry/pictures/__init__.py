"""Any picture to 28×28, framed as MNIST's were."""
