"""From LLVM IR text to Python function objects, with llvmlite and without a C compiler."""

from __future__ import annotations

import ctypes
import itertools
import struct
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from diffiface_native.compiled import object_cache

METH_FASTCALL, METH_KEYWORDS = 0x80, 0x02
_HOW = "passes 2"
"""What is done to a text here, to tell object code on disk from that of other versions of this file."""
_LINKS = 50
"""How many libraries one linker makes."""
_lock = threading.Lock()
_numbers = itertools.count()


class _MethodDef(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


_new_function = ctypes.pythonapi.PyCFunction_NewEx
_new_function.restype = ctypes.py_object
_new_function.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object]

_NAME = b"kernel"


# CPython reads a function's definition when it frees the function. So the function holds it, as the object it is bound
# to, in bytes: the garbage collector does not take bytes apart before what refers to them. Behind the definition come the
# addresses that machine code needs, which are not written into it.
_ADDRESSES = [
    ctypes.cast(function, ctypes.c_void_p).value or 0
    for function in (ctypes.pythonapi.PyEval_SaveThread, ctypes.pythonapi.PyEval_RestoreThread)
]
_WHERE = bytes.__basicsize__ - 1 + ctypes.sizeof(_MethodDef)
WORDS_AT = _WHERE + 8 * len(_ADDRESSES)
"""Where further words of a function's own stand behind the object it is bound to."""

RELEASE = [
    f"  %save.at = getelementptr i8, ptr %self, i64 {_WHERE}",
    "  %save = load ptr, ptr %save.at, align 1",
    "  %thread = call ptr %save()",
]
"""The lines that release Python's lock."""
ACQUIRE = [
    f"  %restore.at = getelementptr i8, ptr %self, i64 {_WHERE + 8}",
    "  %restore = load ptr, ptr %restore.at, align 1",
    "  call void %restore(ptr %thread)",
]
"""The lines that take it again."""


def function_at(address: int, flags: int = METH_FASTCALL, words: bytes = b"", kept: Any = None) -> Callable[..., Any]:
    """Return the Python function object of machine code at an address.

    `words` are put where the machine code finds them (`WORDS_AT`); `kept` lives as long as the function.
    """
    definition = bytes(_MethodDef(_NAME, address, flags, None)) + struct.pack("QQ", *_ADDRESSES) + words
    return _new_function(ctypes.cast(ctypes.c_char_p(definition), ctypes.c_void_p), definition, kept)


class _Host:
    """This machine's target and linker, made once."""

    def __init__(self) -> None:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._target = llvm.Target.from_default_triple()
        self.machine = self._new_machine()
        self.description = "\n".join([
            self.machine.triple, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(),
            llvmlite.__version__, ".".join(map(str, llvm.llvm_version_info)), sys.version, _HOW,
        ])  # fmt: skip
        """What object code depends on besides the text it was compiled from."""
        self.passes = _passes()
        self._linker: Any = None
        self._links_left = 0

    def linker(self) -> Any:
        """Return what links one more library: a new one now and then, since each keeps a trace of every library.

        (The old one is freed with the last of its libraries.)
        """
        if not self._links_left:
            self._linker = llvm.create_lljit_compiler(self._new_machine(), use_jit_link=False, suppress_errors=False)
            self._links_left = _LINKS
        self._links_left -= 1
        return self._linker

    def _new_machine(self) -> Any:
        return self._target.create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            opt=1,  # of the code generator: at 2 it takes longer, for code of the same speed
            jit=True,
            reloc="default",
            codemodel="jitdefault",
        )


def _passes() -> Any:
    """Return the passes that every module goes through, made once: LLVM never frees all of a pass manager's memory.

    The lanes are written out and every value is computed once already, so this is all that LLVM need do. Its own choice
    for level 2 takes ten times as long and gains nothing (`benchmarks/compile_times.py`).
    """
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_sroa_pass()  # (loop counters and sums are written as memory)
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    return passes


_host: _Host | None = None


class KeptCodeMissing(Exception):
    """An entry of object code is not there, or damaged."""


class MachineCode:
    """Compiled functions, alive as long as this object."""

    def __init__(self, text: str, names: Sequence[str]):
        with _lock:  # LLVM's objects may be used by one thread at a time
            host = _the_host()
            code, self.kept_as = object_cache.cached(text, host.description, lambda: _compiled(text, host))
            """The name of the entry that holds the object code; None where nothing is kept."""
            self._link(code, names, host)

    @classmethod
    def kept(cls, name: str, functions: Sequence[str]) -> MachineCode:
        """Return the functions of an entry of object code.

        Raises:
            KeptCodeMissing: if there is no such entry.
        """
        content = object_cache.read(name)
        if content is None:
            raise KeptCodeMissing(name)
        code = cls.__new__(cls)
        code.kept_as = name
        with _lock:
            code._link(content, functions, _the_host())
        return code

    def _link(self, code: bytes, names: Sequence[str], host: _Host) -> None:
        library = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
        for name in names:
            library.export_symbol(name)
        # The tracker owns the code: dropping it frees the memory.
        self._tracker = library.link(host.linker(), f"diffiface{next(_numbers)}")
        self.addresses: dict[str, int] = {name: self._tracker[name] for name in names}
        self.functions: dict[str, Callable[..., Any]] = {
            name: function_at(address) for name, address in self.addresses.items()
        }


def _the_host() -> _Host:
    """Return this machine's target, made by the first who asks (who holds the lock)."""
    global _host
    if _host is None:
        _host = _Host()
    return _host


def host_description() -> str:
    """Return what object code depends on besides the text it is compiled from."""
    with _lock:
        return _the_host().description


def _compiled(text: str, host: _Host) -> bytes:
    """Return the object code of a module."""
    machine = host.machine
    head = f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n'
    module = llvm.parse_assembly(head + text, context=llvm.create_context())
    # (the builder holds what belongs to one run: it cannot be used again)
    host.passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    return machine.emit_object(module)
