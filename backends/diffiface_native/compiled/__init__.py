"""Recorded graphs as machine code: elementwise operations fused into loop nests over SIMD lanes, through llvmlite."""
