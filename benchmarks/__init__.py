"""The measurements that README and docs quote. Each one runs on its own: `python -m benchmarks.NAME`."""
