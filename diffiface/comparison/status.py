"""The verdicts of a comparison."""

from __future__ import annotations

import enum


class Status(enum.StrEnum):
    """One per engine."""

    AGREES = "agrees"
    WITHIN_ESTIMATE = "agrees within FD error"
    CONJUGATE = "convention: conjugate"
    TIE = "convention: tie"
    KINK = "convention: kink"
    LOW_PRECISION = "low precision"
    DISAGREES = "disagrees"
    UNDECIDED = "undecided"
    NOT_FINITE = "nan/inf"
    NONDETERMINISTIC = "nondeterministic"
    MUTATED = "mutated its input"
    WRONG_KIND = "wrong shape or dtype"
    LEFT_DOMAIN = "left f's domain"
    NOT_SUPPORTED = "not supported"
    NOT_INSTALLED = "not installed"
    FAILED = "failed"

    @property
    def accepted(self) -> bool:
        """Whether the engine's result can be relied on, whatever convention it follows."""
        return self in (Status.AGREES, Status.WITHIN_ESTIMATE, Status.CONJUGATE, Status.TIE, Status.KINK)

    @property
    def absent(self) -> bool:
        """Whether the engine was not able to take part, which is nobody's fault."""
        return self in (Status.LEFT_DOMAIN, Status.NOT_SUPPORTED, Status.NOT_INSTALLED)
