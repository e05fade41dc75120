"""Grading where classes already are: on Gradescope, on GitHub, in any CI. One submission at a time."""
