"""Where a product is added without being rounded first: `a * b + c` as one instruction.

It is faster, and more exact, but not NumPy's number: where two products cancel, as in `x * x - y * y` for equal x and y,
NumPy gives 0, and a fused instruction gives the rounding error of one of them. So a product is fused only with what is
no product itself, or with the terms of a sum, whose order is ours to choose anyway.
"""

from __future__ import annotations

from collections import Counter

from diffiface_native.compiled.nest import Expression, Nest

PRODUCTS = frozenset({"multiply", "square"})
"""The operations whose result an addition may take unrounded."""
_SUMS = frozenset({"sum", "matmul", "einsum"})


def fused_products(nest: Nest) -> dict[int, int]:
    """Return, for each addition or subtraction of a nest that takes a product unrounded, that product.

    Both are places in the nest's list of expressions. The product is read nowhere else.
    """
    if nest.exact:
        return {}
    expressions, uses = nest.expressions, _uses(nest)
    found: dict[int, int] = {}
    for place, expression in enumerate(expressions):
        if expression.operation not in ("add", "subtract"):
            continue
        first, second = expression.arguments
        of_sum = expression.value.operation in _SUMS  # terms of a product of matrices
        for product, other in ((second, first), (first, second)):
            is_fusible = expressions[product].operation in PRODUCTS and uses[product] == 1
            if is_fusible and (of_sum or not _is_product(expressions, other)):
                found[place] = product
                break
    return found


def folded_products(nest: Nest) -> dict[int, int]:
    """Return, for each sum that a nest adds products to, the product: places in `nest.folds` → of expressions."""
    if nest.exact:
        return {}
    uses = _uses(nest)
    return {
        i: target.expression
        for i, target in enumerate(nest.folds)
        if target.value.operation in _SUMS
        and nest.expressions[target.expression].operation in PRODUCTS
        and uses[target.expression] == 1
    }


def factors(expression: Expression) -> tuple[int, int]:
    """Return the places of a product's two factors."""
    return expression.arguments if len(expression.arguments) == 2 else expression.arguments * 2  # pyright: ignore[reportReturnType]


def _uses(nest: Nest) -> Counter[int]:
    uses = Counter(argument for expression in nest.expressions for argument in expression.arguments)
    uses.update(target.expression for target in (*nest.stores, *nest.folds))
    return uses


def _is_product(expressions: list[Expression], place: int) -> bool:
    """Say whether a value may be, up to its sign, a product that cancels another."""
    expression = expressions[place]
    while expression.operation == "negative":
        expression = expressions[expression.arguments[0]]
    return expression.operation in PRODUCTS
