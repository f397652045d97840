"""What works on the course: run as modules from its root, such as `python -m tools.execute_notebooks`."""
