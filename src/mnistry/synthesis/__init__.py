"""Synthetic images of handwritten rows, and the training of the line recognizer on them."""
