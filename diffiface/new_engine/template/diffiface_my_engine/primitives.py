"""What the primitives do to the values of my_engine."""

from __future__ import annotations

from diffiface.adapter import PRIMITIVES, Primitives, nested_rules


class Dual:
    """A number or an array, and its tangent."""

    __array_ufunc__ = None  # NumPy leaves operations with it to us

    def __init__(self, trace, primal, tangent):
        self.trace, self.primal, self.tangent = trace, primal, tangent
        self.shape, self.dtype = trace.base.shape(primal), trace.base.dtype(primal)


class Duals(Primitives):
    """Primitives on duals, computed by those of `base`. A dual belongs to one trace; to any other it is a constant."""

    engine, traced_type = "my_engine", Dual

    def __init__(self, base):
        self.base, self.accepts = base, (base, *base.accepts)

    def split(self, value):
        """Return the primal and the tangent; a constant has no tangent."""
        own = type(value) is Dual and value.trace is self
        return (value.primal, value.tangent) if own else (value, None)

    def host_call(self, name, *arguments, **parameters):
        """Apply any primitive that has no method here, by diffiface's rule for it."""
        primals, tangents = zip(*map(self.split, arguments), strict=True)
        moved = {i: t for i, t in enumerate(tangents) if t is not None}
        if not moved or PRIMITIVES[name].derivative != "smooth":
            return getattr(self.base, name)(*primals, **parameters)
        ys, tys = nested_rules.push_primitive(self.base, name, primals, parameters, moved)
        duals = [Dual(self, y, t) for y, t in zip(ys, tys, strict=True)]
        return tuple(duals) if len(duals) > 1 else duals[0]

    # Three primitives take a list of arrays.

    def stack(self, arrays, *, axis):
        return self.joined("stack", arrays, axis)

    def concatenate(self, arrays, *, axis):
        return self.joined("concatenate", arrays, axis)

    def joined(self, name, arrays, axis):
        primals, tangents = zip(*map(self.split, arrays), strict=True)
        join = getattr(self.base, name)
        if all(t is None for t in tangents):
            return join(list(primals), axis=axis)
        moved = [self.base.multiply(x, 0.0) if t is None else t for x, t in zip(primals, tangents, strict=True)]
        return Dual(self, join(list(primals), axis=axis), join(moved, axis=axis))

    def einsum(self, arrays, *, subscripts):
        p, (primals, tangents) = self.base, zip(*map(self.split, arrays), strict=True)
        y = p.einsum(list(primals), subscripts=subscripts)
        terms = [
            p.einsum([*primals[:i], t, *primals[i + 1 :]], subscripts=subscripts)
            for i, t in enumerate(tangents)
            if t is not None
        ]
        for term in terms[1:]:
            terms[0] = p.add(terms[0], term)
        return Dual(self, y, terms[0]) if terms else y

    # What diffiface asks about a value.

    def dtype(self, value):
        return self.base.dtype(self.split(value)[0])

    def primal(self, value):
        return self.base.primal(self.split(value)[0])

    def concrete(self, value):
        return None if self.split(value)[1] is not None else self.base.concrete(value)

    def lower(self, value):
        return self.split(value)[0]
