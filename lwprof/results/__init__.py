"""Results: everything lwprof finds, as frozen data in base units (elements, bytes, seconds).

Every document has a ``schema`` name and version, keeps its raw samples, and saves and loads as JSON.
Keys are added, never renamed.
"""
