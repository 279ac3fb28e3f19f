"""The benchmarks of docs/benchmarks.md: running, recording, and writing the page. Standard library only."""
