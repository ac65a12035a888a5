"""Custom derivative rules: said once, in plain NumPy, they hold on every engine.

rule            di.rule, di.define_rule, and the function they return
arguments       one call's arguments: values, static parts, and where they belong
ruled_call      what an engine asks of such a call, answered by the user's f, jvp and vjp
results         what rules return, read and checked
user_code       the user's functions, traced or run on the host
transposition   the missing direction of a rule
packages        rules that installed packages bring (entry points)
"""

from diffiface.rules.packages import load_rules as load_rules
from diffiface.rules.rule import FunctionWithRule as FunctionWithRule
from diffiface.rules.rule import define_rule as define_rule
from diffiface.rules.rule import rule as rule
