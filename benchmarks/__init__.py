"""What is measured: beside PyTorch, scikit-learn and JAX here, before a release in `release`. See README.md."""
