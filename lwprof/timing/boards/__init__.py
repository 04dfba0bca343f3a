"""Boards, and what stands for one: networks that run in another process, under another Python."""
