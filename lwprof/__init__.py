"""lwprof."""
