"""A new engine's package: what `diffiface new-engine NAME` writes, with an engine in it that passes the testing kit."""

from diffiface.new_engine.write import write_engine_package as write_engine_package
