"""From pictures to evidence (logits) to probabilities."""
