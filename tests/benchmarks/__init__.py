"""Measurements: `make bench` prints a table and writes build/bench.json.

They count bytes, operations, virtual milliseconds and heap, and give ratios measured in one run;
the only figure in wall time, `sim.sales_per_second`, says so and is compared with nothing.
"""
