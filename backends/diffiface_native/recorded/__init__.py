"""A prepared function recorded once as a graph of primitives, and replayed with preallocated buffers."""
