"""f traced by the engine that drives the program: what a bridge is where both engines are the same."""

from __future__ import annotations

from typing import Any

from diffiface import trees
from diffiface.numpy_api import Dressed, dress
from diffiface.primitives import Primitives
from diffiface.rules.arguments import Arguments, raw_operands
from diffiface.rules.user_code import Code


def inlined(p: Primitives, code: Code, arguments: Arguments, keywords: dict[str, Any]) -> Any:
    """Run a NumPy function on values of `p`, arrays of the engine itself in and out unless dressed ones came in."""
    operands = arguments.operands()
    came_dressed = any(isinstance(o, Dressed) for o in operands)
    dressed = [dress(raw, p) for raw in raw_operands(operands)]
    result = code.traced(p, arguments.rebuild(dressed), keywords)
    if came_dressed:
        return result
    return trees.map_leaves(lambda leaf: leaf._read() if isinstance(leaf, Dressed) else leaf, result)
