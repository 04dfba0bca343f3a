"""What runs on a board as well as here: Python 3.9 or newer, the runtime, and nothing else of lwprof."""
