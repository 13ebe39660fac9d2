"""The module space of one world: who may import what, and how source becomes a module.

Compiled code is kept for all worlds of the process, so that another power-on only executes it.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import os
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

from simulator.standins.errors import DeviceOSError
from simulator.standins.width import BUILTINS

_HERE = str(Path(__file__).parent)
FIRMWARE = Path(__file__).parent.parent.parent / "firmware"
PREFIX = "simulator.standins."

# Written in MicroPython; they see what the firmware sees.
DEVICE_MODULES = frozenset(
    [
        "machine",
        "esp",
        "esp32",
        "network",
        "_machine_pins",
        "_machine_buses",
        "_machine_uart",
        "_machine_timers",
    ]
)
# Ordinary CPython that serves one world.
HOST_MODULES = frozenset(
    {
        "_mcu",
        "asyncio",
        "binascii",
        "collections",
        "cryptolib",
        "errno",
        "framebuf",
        "gc",
        "hashlib",
        "heapq",
        "io",
        "json",
        "math",
        "micropython",
        "os",
        "random",
        "re",
        "select",
        "socket",
        "ssl",
        "struct",
        "sys",
        "time",
        "tls",
        "vfs",
    }
)
# Parts of the machinery that are the same for every world.
SHARED = frozenset({"console", "errors", "modules", "width", "world"})

_compiled: dict[str, tuple[int, CodeType]] = {}  # path -> (time of change, code)
_found: dict[tuple[str, str], str] = {}  # (firmware, module) -> path
_offered: dict[str, list[str]] = {}  # what a stand-in without `__all__` offers


class _DeviceErrors(ast.NodeTransformer):
    """`OSError(5)` makes an error whose `errno` is 5, as on the device; CPython would leave it
    None.
    """

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "OSError":
            node.func = ast.copy_location(ast.Name("__oserror__", ast.Load()), node.func)
        return node


def compile_source(source: str, filename: str) -> CodeType:
    """Compile as the device would: annotations are not evaluated, OSError knows its number."""
    tree = _DeviceErrors().visit(ast.parse(source, filename))
    flags = __future__.annotations.compiler_flag
    return compile(tree, filename, "exec", flags=flags, dont_inherit=True, optimize=0)


def compiled(path: str) -> CodeType:
    """The code of a file, compiled once a process unless the file has changed."""
    stamp = os.stat(path).st_mtime_ns
    known = _compiled.get(path)
    if known is None or known[0] != stamp:
        with open(path, encoding="utf-8") as file:
            known = stamp, compile_source(file.read(), path)
        _compiled[path] = known
    return known[1]


def _file_of(root: str, name: str) -> str | None:
    """The file of a firmware module, or None."""
    known = _found.get((root, name))
    if known is not None and os.path.exists(known):
        return known
    relative = name.replace(".", "/")
    for folder in (root, root + "/lib"):
        for path in (f"{folder}/{relative}/__init__.py", f"{folder}/{relative}.py"):
            if os.path.isfile(path):
                _found[root, name] = path
                return path
    return None


class ModuleSpace:
    """All modules of one world.  `seam` is what stand-ins get as `here`, `printer` is `print`."""

    def __init__(
        self,
        seam: object,
        printer: Callable[..., None],
        opener: Callable[..., object],
        firmware: Path = FIRMWARE,
        given: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.modules: dict[str, ModuleType] = {}
        self._standins: dict[str, ModuleType] = {}
        self._firmware = str(firmware)
        self._given = given or {}
        self.device_builtins = {name: getattr(builtins, name) for name in BUILTINS}
        self.device_builtins.update(
            __import__=self._device_import,
            __oserror__=DeviceOSError,
            open=opener,
            print=printer,
        )
        self._host_builtins = dict(vars(builtins))
        self._host_builtins.update(__import__=self._host_import, __oserror__=DeviceOSError)
        here = ModuleType(PREFIX + "seam")
        here.here = seam  # type: ignore[attr-defined]
        self._standins["seam"] = here

    def load(self, name: str) -> ModuleType:
        """The module `name` as the firmware sees it.  Raises ImportError for what the device
        lacks.
        """
        module = self.modules.get(name)
        if module is not None:
            return module
        parent, _, child = name.rpartition(".")
        package = self.load(parent) if parent else None
        # Loading the package may already have loaded the child.
        module = self.modules.get(name)
        if module is not None:
            return module
        if name in self._given:
            module = ModuleType(name)
            vars(module).update(self._given[name])
            self.modules[name] = module
        elif name in DEVICE_MODULES or name in HOST_MODULES:
            module = self.modules[name] = self._facade(name)
        else:
            module = self._load_firmware(name)
        if package is not None:
            setattr(package, child, module)
        return module

    def has(self, name: str) -> bool:
        """Whether the firmware has a module of this name."""
        return name in self._given or _file_of(self._firmware, name) is not None

    def execute(self, code: CodeType, name: str, filename: str) -> ModuleType:
        """Execute `code` as module `name` of the device."""
        module = self._new(name, filename, self.device_builtins)
        self.modules[name] = module
        try:
            exec(code, vars(module))
        except BaseException:
            self.modules.pop(name, None)
            raise
        return module

    def _load_firmware(self, name: str) -> ModuleType:
        path = _file_of(self._firmware, name)
        if path is None:
            raise ImportError(f"no module named '{name}'")
        return self.execute(compiled(path), name, path)

    @staticmethod
    def _new(name: str, filename: str, names: dict[str, Any]) -> ModuleType:
        module = ModuleType(name)
        module.__file__ = filename
        module.__dict__["__builtins__"] = names
        if filename.endswith("__init__.py"):
            module.__path__ = [filename.rpartition("/")[0]]
            module.__package__ = name
        else:
            module.__package__ = name.rpartition(".")[0]
        return module

    def _device_import(
        self,
        name: str,
        globals: dict[str, Any] | None = None,
        locals: object = None,
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            base = (globals or {}).get("__package__") or ""
            for _ in range(level - 1):
                base = base.rpartition(".")[0]
            name = f"{base}.{name}" if name else base
        module = self.load(name)
        if not fromlist:
            return module if level else self.modules[name.partition(".")[0]]
        if hasattr(module, "__path__"):
            for item in fromlist:
                inner = f"{name}.{item}"
                if not hasattr(module, item) and _file_of(self._firmware, inner) is not None:
                    self.load(inner)
        return module

    def _host_import(
        self,
        name: str,
        globals: dict[str, Any] | None = None,
        locals: object = None,
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> Any:
        if not level and name == PREFIX[:-1] and fromlist:
            return SimpleNamespace(**{item: self.standin(item) for item in fromlist})
        if not level and name.startswith(PREFIX):
            short = name[len(PREFIX) :]
            if short.partition(".")[0] not in SHARED:
                return self.standin(short)
        return builtins.__import__(name, globals, locals, fromlist or (), level)

    def standin(self, short: str) -> ModuleType:
        """This world's copy of the stand-in `simulator.standins.<short>`."""
        module = self._standins.get(short)
        if module is not None:
            return module
        path = f"{_HERE}/{short.replace('.', '/')}.py"
        if not os.path.isfile(path):
            path = path[: -len(".py")] + "/__init__.py"
            if not os.path.isfile(path):
                raise ImportError(f"no module named '{short}'")
        names = self.device_builtins if short in DEVICE_MODULES else self._host_builtins
        module = self._new(PREFIX + short, path, names)
        self._standins[short] = module
        try:
            exec(compiled(path), vars(module))
        except BaseException:
            del self._standins[short]
            raise
        return module

    def _facade(self, name: str) -> ModuleType:
        """Only what a stand-in offers on purpose: its `__all__`, else the public names it
        defines.
        """
        module = self.standin(name)
        offered = vars(module).get("__all__") or _offered.get(name)
        if offered is None:
            offered = [item for item, value in vars(module).items() if _own(item, value, module)]
            _offered[name] = offered
        facade = ModuleType(name)
        for item in offered:
            setattr(facade, item, getattr(module, item))
        return facade


def _own(name: str, value: object, module: ModuleType) -> bool:
    if name.startswith("_") or name == "TYPE_CHECKING" or isinstance(value, ModuleType):
        return False
    return getattr(value, "__module__", module.__name__) == module.__name__
