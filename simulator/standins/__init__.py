"""MicroPython's modules as the firmware on an ESP32 sees them, no wider and no narrower.

`world.World` is one power-on of one terminal: a module space of its own in which `import machine`,
`import time`, `import asyncio` ... give the modules of this folder.  Two kinds of file live here:

- *device* modules (`machine` with its parts `_machine_*`, `esp32`, `network`) are written in
  MicroPython and speak to the chip through `_mcu.call`; the very same files run on the real
  MicroPython binary, with another `_mcu`.
- the rest are ordinary CPython, executed once a world; `from simulator.standins.seam import here`
  gives them the world they serve.
"""
