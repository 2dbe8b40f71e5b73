"""Additions to chaoskit: see the entry points in pyproject.toml."""
