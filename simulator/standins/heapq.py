"""`heapq`: push, pop and heapify."""

from heapq import heapify, heappop, heappush

__all__ = ["heapify", "heappop", "heappush"]
