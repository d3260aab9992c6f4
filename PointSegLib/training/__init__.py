"""Training of the two stages and the evaluation of their checkpoints."""
