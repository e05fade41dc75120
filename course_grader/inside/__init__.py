"""What runs behind the sandbox."""
