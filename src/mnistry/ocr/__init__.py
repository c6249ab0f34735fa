"""Recognition of whole rows of handwritten digits from their grey image."""
