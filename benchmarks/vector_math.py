"""The vector functions of the compiled engine: `python benchmarks/vector_math.py [NAME ...]`.

Speed: nanoseconds per element on arrays that fit the first cache, against NumPy (or SciPy's special functions) and, where
gcc is there, glibc's vector library (libmvec) in a loop compiled with -O3 -march=native -ffast-math. Accuracy: the largest
error in units in the last place against mpmath, over random numbers of every size and over the interesting interval.
"""

from __future__ import annotations

import argparse
import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import scipy.special
from diffiface_native.compiled.vector_math import ARITY, NAMES
from diffiface_native.compiled.vector_math.trial import apply, compiled
from interleaved import interleave

N = 1024
INTERVAL = {
    "log": (0.01, 10), "log2": (0.01, 10), "log10": (0.01, 10), "log1p": (-0.9, 10), "arcsin": (-1, 1), "arccos": (-1, 1),
    "arctanh": (-1, 1), "arccosh": (1, 20), "pow": (0.1, 5), "gammaln": (0.05, 20), "digamma": (0.05, 20),
}  # fmt: skip
LIBMVEC = {"exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "cbrt", "hypot", "erf", "erfc", "pow", "log1p", "log2",
           "log10", "expm1", "exp2"}  # fmt: skip
C_NAME = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
          "arctan2": "atan2"}  # fmt: skip


def rival(name: str) -> Callable[..., object]:
    return getattr(np, {"pow": "power"}.get(name, name), None) or getattr(scipy.special, name)


EXACT: dict[str, Callable[..., Any]] = {
    "exp2": lambda x: mpmath.mpf(2) ** x,
    "log2": lambda x: mpmath.log(x, 2),
    "arcsin": mpmath.asin, "arccos": mpmath.acos, "arctan": mpmath.atan,
    "arcsinh": mpmath.asinh, "arccosh": mpmath.acosh, "arctanh": mpmath.atanh, "arctan2": mpmath.atan2,
    "pow": mpmath.power,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "log_expit": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "logaddexp": lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)),
    "ndtr": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "gammaln": lambda x: mpmath.re(mpmath.loggamma(x)),
    "digamma": mpmath.digamma,
}  # fmt: skip


def points(name: str, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Half of them in the interesting interval, half of every magnitude (positive for the logarithm of Γ, which has zeros)."""
    low, high = INTERVAL.get(name, (-5, 5))
    columns = []
    for _ in range(ARITY[name]):
        wide = 10.0 ** rng.uniform(-30, 3, count // 2)
        if low < 0:
            wide *= rng.choice([-1, 1], len(wide))
        columns.append(np.concatenate([rng.uniform(low, high, count - len(wide)), wide]))
    return columns


def largest_error(name: str, count: int) -> float:
    columns = points(name, count, np.random.default_rng(1))
    result = apply(name, *columns)
    exact = EXACT.get(name) or getattr(mpmath, name)
    worst = 0.0
    with mpmath.workprec(200):
        for y, *arguments in zip(result, *columns, strict=True):
            if not np.isfinite(y) or (name == "log_expit" and arguments[0] < -1000):
                continue
            value = exact(*map(mpmath.mpf, map(float, arguments)))
            scale = float(abs(value))
            if name == "logaddexp":  # its error is measured by the larger of max and the result
                scale = max(scale, abs(max(arguments)))
            unit = max(float(np.spacing(scale)), 5e-324)
            worst = max(worst, float(abs(mpmath.mpf(float(y)) - value) / mpmath.mpf(unit)))
    return worst


def libmvec(names: list[str]) -> dict[str, Callable[..., None]]:
    if shutil.which("gcc") is None:
        return {}
    source = "#include <math.h>\n"
    for name in names:
        function = C_NAME.get(name, name)
        parameters = ", ".join(f"const double *restrict x{i}" for i in range(ARITY[name]))
        arguments = ", ".join(f"x{i}[i]" for i in range(ARITY[name]))
        source += f"void c_{name}({parameters}, double *restrict y, long n) {{ for (long i = 0; i < n; i++) y[i] = {function}({arguments}); }}\n"
    folder = Path(tempfile.mkdtemp())
    (folder / "loops.c").write_text(source)
    # -ffast-math only to compile: given to the linker too, it would switch subnormals off for the whole process.
    for command in (
        ["gcc", "-O3", "-march=native", "-ffast-math", "-fPIC", "-c", "loops.c"],
        ["gcc", "-shared", "loops.o", "-o", "loops.so", "-lmvec", "-lm"],
    ):
        subprocess.run(command, cwd=folder, capture_output=True, check=True)
    library = ctypes.CDLL(str(folder / "loops.so"))
    loops = {}
    for name in names:
        loops[name] = getattr(library, f"c_{name}")
        loops[name].argtypes = [ctypes.c_void_p] * (ARITY[name] + 1) + [ctypes.c_long]
        loops[name].restype = None
    return loops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--points", type=int, default=600)
    options = parser.parse_args()
    names = options.names or sorted(NAMES)
    c_loops = libmvec([n for n in names if n in LIBMVEC or n in C_NAME])
    print(f"ns per element (minimum), {N} elements, width {options.width}; errors over {options.points} points")
    print(f"{'':10s} {'ours':>6s} {'numpy':>7s} {'libmvec':>8s}   max ulp")
    rng = np.random.default_rng(0)
    for name in names:
        low, high = INTERVAL.get(name, (-5, 5))
        inputs = [rng.uniform(low, high, N) for _ in range(ARITY[name])]
        out = np.empty(N)
        kernel, _keep = compiled(name, options.width)
        addresses = (*(a.ctypes.data for a in inputs), out.ctypes.data)
        numpy_function = rival(name)
        # What a ctypes call costs is taken off: a call on one vector.
        contenders: dict[str, Callable[[], object]] = {
            "ours": lambda kernel=kernel, a=addresses: kernel(*a, N),
            "empty": lambda kernel=kernel, a=addresses: kernel(*a, options.width),
            "numpy": lambda f=numpy_function, i=inputs, o=out: f(*i, o),
        }
        if name in c_loops:
            contenders["libmvec"] = lambda f=c_loops[name], a=addresses: f(*a, N)
        times = interleave(contenders, rounds=21, batch_seconds=0.002)
        call = times.pop("empty").minimum
        per = {k: (t.minimum - (call if k != "numpy" else 0)) / N * 1e9 for k, t in times.items()}
        mvec = f"{per['libmvec']:8.2f}" if "libmvec" in per else "       -"
        print(
            f"{name:10s} {per['ours']:6.2f} {per['numpy']:7.2f} {mvec}   {largest_error(name, options.points):.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
