"""Conversions: networks as the files that runtimes load, kept between runs."""
