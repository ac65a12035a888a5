"""What every engine must do in every scenario: one function for each property, which raises if it does not hold."""

from collections.abc import Callable

from diffiface.testing.case import Case
from diffiface.testing.properties import memory, use, values

PROPERTIES: dict[str, Callable[[Case], None]] = {
    "unprepared": values.unprepared,
    "prepared": values.prepared,
    "dirtied": values.dirtied,
    "bound calls": values.bound,
    "out=": memory.out_is_filled,
    "y=": memory.y_is_filled,
    "new results": memory.results_are_new,
    "results may be written": memory.results_may_be_written,
    "calls of f": use.calls_of_f,
    "threads": use.threads,
    "global state": use.global_state,
    "pickling": use.pickling,
    "repr": use.reading_back,
    "copying": use.copying,
    "foreign prep": use.foreign_preparation,
}
"""In the order in which they are tried, on one preparation."""
