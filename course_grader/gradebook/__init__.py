"""The gradebook: connecting, writing results, reading marks."""
