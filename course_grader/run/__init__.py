"""One submission, anywhere: bytes in, a result out."""
