"""The argument reduction of sin, cos and tan for large arguments (Payne and Hanek): exact, one lane at a time.

x = m·2ᵉ with a 53-bit integer m. Of the bits of 2/π only a window matters: those above it contribute whole turns (a
multiple of 4 to x·2/π), those below it nothing. m·window modulo 2²⁵⁶ then *is* x·2/π modulo 4, with 254 bits of fraction.
"""

from __future__ import annotations

from .builder import Builder, Value, at_least

LARGE_FUNCTION = "vm_large_quarter_turns"
_TABLE = "vm_two_over_pi"

# The first 1280 fractional bits of 2/π, behind 64 zeros: bit p of the stream has the weight 2**(63 - p).
TWO_OVER_PI_BITS = "0" * 16 + (
    "a2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e0"
    "06492eea09d1921cfe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f4"
    "9c845f8bbdf9283b1ff897ffde05980fef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d"
    "7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d0856033046fc7b6babf0cfbc209af4361d"
)
_STREAM = bytes.fromhex(TWO_OVER_PI_BITS)


def _definition() -> str:
    size = len(_STREAM)
    # Stored backwards, so that 32 bytes read as a little-endian i256 are a window with its first bit on top.
    content = "".join(f"\\{byte:02X}" for byte in reversed(_STREAM))
    return f"""\
@{_TABLE} = private constant [{size} x i8] c"{content}"

define private {{ i64, double, double }} @{LARGE_FUNCTION}(double %x) noinline cold nounwind willreturn {{
  %bits = bitcast double %x to i64
  %exponent = lshr i64 %bits, 52
  %fraction = and i64 %bits, {(1 << 52) - 1}
  %m = or i64 %fraction, {1 << 52}
  ; the window starts at the bit of weight 2**(1 - e), e = exponent - 1075
  %start = sub i64 %exponent, {1075 - 62}
  %byte = lshr i64 %start, 3
  %bit = and i64 %start, 7
  %from = sub i64 {size - 32}, %byte
  %address = getelementptr i8, ptr @{_TABLE}, i64 %from
  %loaded = load i256, ptr %address, align 1
  %shift = zext i64 %bit to i256
  %window = shl i256 %loaded, %shift
  %m256 = zext i64 %m to i256
  %product = mul i256 %window, %m256
  ; nearest whole number of quarter turns, and what is left in units of 2**-254 of one
  %rounded = add i256 %product, {1 << 253}
  %turns256 = lshr i256 %rounded, 254
  %turns = trunc i256 %turns256 to i64
  %whole = shl i256 %turns256, 254
  %left = sub i256 %product, %whole
  %negative = icmp slt i256 %left, 0
  %opposite = sub i256 0, %left
  %size = select i1 %negative, i256 %opposite, i256 %left
  %zeros256 = call i256 @llvm.ctlz.i256(i256 %size, i1 false)
  %normal = shl i256 %size, %zeros256
  ; its leading 106 bits as two doubles: weights 2**(-51 - zeros) and 2**(-104 - zeros)
  %top256 = lshr i256 %normal, 203
  %top = trunc i256 %top256 to i64
  %next256 = lshr i256 %normal, 150
  %next64 = trunc i256 %next256 to i64
  %next = and i64 %next64, {(1 << 53) - 1}
  %zeros = trunc i256 %zeros256 to i64
  %highfield = sub i64 {1023 - 51}, %zeros
  %highbits = shl i64 %highfield, 52
  %highscale = bitcast i64 %highbits to double
  %lowfield = sub i64 {1023 - 104}, %zeros
  %lowbits = shl i64 %lowfield, 52
  %lowscale = bitcast i64 %lowbits to double
  %top.f = uitofp i64 %top to double
  %next.f = uitofp i64 %next to double
  %high = fmul double %top.f, %highscale
  %low = fmul double %next.f, %lowscale
  ; times pi/2
  %r = fmul double %high, 0x3FF921FB54442D18
  %r.minus = fneg double %r
  %rest.0 = call double @llvm.fma.f64(double %high, double 0x3FF921FB54442D18, double %r.minus)
  %rest.1 = call double @llvm.fma.f64(double %high, double 0x3C91A62633145C07, double %rest.0)
  %rest.2 = call double @llvm.fma.f64(double %low, double 0x3FF921FB54442D18, double %rest.1)
  %rest.minus = fneg double %rest.2
  %r.signed = select i1 %negative, double %r.minus, double %r
  %rest = select i1 %negative, double %rest.minus, double %rest.2
  ; inf - inf and NaN - NaN are NaN, every other x gives 0
  %nothing = fsub double %x, %x
  %r.checked = fadd double %r.signed, %nothing
  %a = insertvalue {{ i64, double, double }} undef, i64 %turns, 0
  %b = insertvalue {{ i64, double, double }} %a, double %r.checked, 1
  %c = insertvalue {{ i64, double, double }} %b, double %rest, 2
  ret {{ i64, double, double }} %c
}}
"""


def large_quarter_turns(magnitude: Value) -> tuple[Value, Value, Value]:
    """(n modulo 4, r, rest) where 1 ≤ |x| ≤ inf, to 100 bits or so of r; anything elsewhere."""
    builder = magnitude.builder
    magnitude = at_least(magnitude, 1.0)  # the window of a small number would begin before the table
    builder.globals[LARGE_FUNCTION] = _definition()
    kinds = ("i", "f", "f")
    if builder.width == 1:
        return _unpacked(builder, magnitude)
    lanes: list[Value] = [Value(builder, kind, "undef") for kind in kinds]
    for lane in range(builder.width):
        x = builder.emit("f", f"extractelement {builder.type('f')} {magnitude.name}, i64 {lane}")
        for position, part in enumerate(_unpacked(builder, x)):
            kind = kinds[position]
            scalar = "i64" if kind == "i" else "double"
            lanes[position] = builder.emit(
                kind, f"insertelement {builder.type(kind)} {lanes[position].name}, {scalar} {part.name}, i64 {lane}"
            )
    return lanes[0], lanes[1], lanes[2]


def _unpacked(builder: Builder, scalar: Value) -> tuple[Value, Value, Value]:
    """One call; the three Values stand for scalars whatever the builder's width."""
    parts = builder.emit("i", f"call {{ i64, double, double }} @{LARGE_FUNCTION}(double {scalar.name})").name
    n, r, rest = (
        builder.emit(kind, f"extractvalue {{ i64, double, double }} {parts}, {i}") for i, kind in enumerate("iff")
    )
    return n, r, rest
