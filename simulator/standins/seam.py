"""Where a stand-in finds the world that it serves.

Inside a world `from simulator.standins.seam import here` gives that `World`: its clock, chip, file
system, network, console and random numbers.  Outside there is no world, and the import fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.standins.world import World

    here: World
