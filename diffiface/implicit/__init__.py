"""Functions defined by what they solve: derivatives by the implicit function theorem, on every engine.

implicit        di.implicit
condition       what holds at the solution, and its derivatives
implicit_call   what an engine asks of a call of such a function
linear_solvers  the linear system at the heart of it
"""

from diffiface.implicit.implicit import implicit as implicit
