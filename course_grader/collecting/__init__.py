"""From what a learning platform gives to submitted/, where grading looks for it."""
