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
            llvmlite.__version__, ".".join(map(str, llvm.llvm_version_info)), sys.version,
        ])  # fmt: skip
        """What object code depends on besides the text it was compiled from."""
        self.linker = llvm.create_lljit_compiler(self._new_machine(), use_jit_link=False, suppress_errors=False)

    def _new_machine(self) -> Any:
        return self._target.create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            opt=2,
            jit=True,
            reloc="default",
            codemodel="jitdefault",
        )


_host: _Host | None = None


class MachineCode:
    """Compiled functions, alive as long as this object."""

    def __init__(self, text: str, names: Sequence[str]):
        global _host
        with _lock:  # LLVM's objects may be used by one thread at a time
            if _host is None:
                _host = _Host()
            machine = _host.machine
            code = object_cache.cached(text, _host.description, lambda: _compiled(text, machine))
            library = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
            for name in names:
                library.export_symbol(name)
            # The tracker owns the code: dropping it frees the memory.
            self._tracker = library.link(_host.linker, f"diffiface{next(_numbers)}")
        self.addresses: dict[str, int] = {name: self._tracker[name] for name in names}
        self.functions: dict[str, Callable[..., Any]] = {name: function_at(self._tracker[name]) for name in names}


def _compiled(text: str, machine: Any) -> bytes:
    """Return the object code of a module."""
    head = f'target triple = "{machine.triple}"\ntarget datalayout = "{machine.target_data}"\n'
    module = llvm.parse_assembly(head + text)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)
