"""Notice: what stands at the top of every page that is written here."""

GENERATED = "<!-- Written by docs/generate.py; change the code it comes from instead. -->"
