"""The lens: EMV data in words, for technicians and developers.

    fields, troubles = lens.tree(bytes.fromhex("9F02060000000012505F2A020978"))
    lens.Lens().decode(command, response)

Every name, bit and code stands once, here: the command line (`kassa tlv`), the simulator's stories
(`kassa-sim explain`) and the page use it.  Account numbers are always masked.
"""

from host_tools.lens.context import Context
from host_tools.lens.exchange import Lens, decode
from host_tools.lens.fields import Field, tree
from host_tools.lens.reader import Trouble

__all__ = ["Context", "Field", "Lens", "Trouble", "decode", "tree"]
