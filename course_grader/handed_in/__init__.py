"""What students handed in, as data."""
