"""Fixtures that several files here share."""

from tests.app.offline import sells

__all__ = ["sells"]
