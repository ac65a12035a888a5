"""What engines share that compute with symbols: f is run once on symbols, its derivative is an expression.

algebra      what an engine knows about expressions
calls        functions that are no expression (rules, bridges, what the engine lacks), and their place in a program
chain        derivatives of expressions that hold results of such calls
evaluation   a Python function of numbers, with such calls in between
programs     one operator of one function, written down
operators    one operator, run once or prepared
"""
