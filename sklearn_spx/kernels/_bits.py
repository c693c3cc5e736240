"""Words of LLVM that numba lacks, for the CPU, for CUDA, and in plain Python for its simulator.

`fma` rounds once, everywhere. An arithmetic written with it, where no product is left beside a sum
for a compiler to fuse or not, gives the same bits on every machine and on a GPU. `times` is a
product that no compiler fuses, for those of float64.

The bits of floats of at least 0 order like the floats. With the last few bits replaced by an
integer, as `ordered_key` does, the smaller of two such keys is the smaller float, or, of equal
ones, the smaller integer.

`prefetch` changes no result: it asks for a line of memory before it is needed.

`differences` compares `WORD` numbers at once, and has a bit for each; `first_bit` and `count_bits`
say where the bits of such a word are. Compiled functions of the CPU alone can call these three, and
`count_up` and `count_at`, which threads share: what one wrote before it counted up is seen by one
that then reads the count.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

__all__ = [
    "WORD",
    "bits_of",
    "bits_of_double",
    "count_at",
    "count_bits",
    "count_up",
    "differences",
    "double_of",
    "first_bit",
    "float_of",
    "fma",
    "ordered_key",
    "prefetch",
    "times",
]

WORD = 64  # numbers that `differences` compares
_OPTIONS: Any = {"no_cfunc_wrapper": True}  # which no one asks for, and costs time to compile
_LARGEST = float(np.finfo(np.float32).max)


def fma(a, b, c):
    """Return ``a * b + c`` of float32 numbers, rounded once."""
    product, c = float(a) * float(b), float(c)  # exact
    total = product + c
    if not math.isfinite(total) or abs(total) > _LARGEST:
        return np.float32(math.copysign(math.inf, total) if total == total else math.nan)
    other = total - product
    lost = (product - (total - other)) + (c - other)
    # An odd last bit stands for what is lost, so that rounding to float32 sees it.
    if lost and not np.float64(total).view(np.int64) & 1:
        total = math.nextafter(total, math.copysign(math.inf, lost))
    return np.float32(total)


def bits_of(value):
    """Return the bits of a float32 as an int32."""
    return np.float32(value).view(np.int32)


def float_of(bits):
    """Return the float32 that has the bits of an int32."""
    return np.int32(bits).view(np.float32)


def bits_of_double(value):
    """Return the bits of a float64 as an int64."""
    return np.float64(value).view(np.int64)


def double_of(bits):
    """Return the float64 that has the bits of an int64."""
    return np.int64(bits).view(np.float64)


def ordered_key(value, keep, place):
    """Return the bits of ``value`` under the mask ``keep``, with ``place`` in the others."""
    return np.int32(bits_of(value) & keep | place)


def times(a, b):
    """Return ``a * b`` of two float32 or two float64 numbers, rounded before it is added to."""
    return a * b


def prefetch(array, i):
    """Ask for the memory around element ``i`` of a flat array, which must exist."""


@intrinsic
def _prefetch(typingctx, array, i):
    if not isinstance(array, types.Array) or array.ndim != 1 or array.layout != "C":
        return None

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), (byte, number, number, number))
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        where = builder.bitcast(builder.gep(data, [args[1]]), byte)
        builder.call(function, [where, number(1), number(3), number(1)])  # to write, keep, data
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


@overload(prefetch)
def _compiled_prefetch(array, i):
    return lambda array, i: _prefetch(array, i)


@intrinsic
def differences(typingctx, array, i, j):
    """Which of the `WORD` int32 from element i on differ from those from j on: uint64, a bit each.

    The array is flat, and all these elements exist.
    """
    if not isinstance(array, types.Array) or (array.dtype, array.layout) != (types.int32, "C"):
        return None

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        vector = ir.VectorType(ir.IntType(32), WORD).as_pointer()
        places = (builder.bitcast(builder.gep(data, [place]), vector) for place in args[1:])
        one, other = (builder.load(place, align=4) for place in places)
        return builder.bitcast(builder.icmp_unsigned("!=", one, other), ir.IntType(WORD))

    return types.uint64(array, types.int64, types.int64), codegen


@intrinsic
def first_bit(typingctx, word):
    """Return the place of the lowest bit of a uint64 that is set, 64 if there is none."""

    def codegen(context, builder, signature, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@intrinsic
def count_bits(typingctx, word):
    """Return how many bits of a uint64 are set."""
    return types.int64(types.uint64), lambda context, builder, signature, args: builder.ctpop(*args)


def _place_in(context, builder, kind, array, i):
    return builder.gep(context.make_array(kind)(context, builder, array).data, [i])


@intrinsic
def count_up(typingctx, counts, i):
    """Add 1 to element i of a flat int64 array, at once; return what it was."""
    if not isinstance(counts, types.Array) or (counts.dtype, counts.layout) != (types.int64, "C"):
        return None

    def codegen(context, builder, signature, args):
        place = _place_in(context, builder, signature.args[0], *args)
        return builder.atomic_rmw("add", place, ir.Constant(ir.IntType(64), 1), "seq_cst")

    return types.int64(counts, types.int64), codegen


@intrinsic
def count_at(typingctx, counts, i):
    """Return element i of a flat int64 array as it is now, whoever changed it."""
    if not isinstance(counts, types.Array) or (counts.dtype, counts.layout) != (types.int64, "C"):
        return None

    def codegen(context, builder, signature, args):
        place = _place_in(context, builder, signature.args[0], *args)
        return builder.load_atomic(place, "acquire", align=8)

    return types.int64(counts, types.int64), codegen


@intrinsic(target="generic")
def _fma(typingctx, a, b, c):
    if (a, b, c) != (types.float32,) * 3:
        return None
    return types.float32(a, b, c), lambda context, builder, signature, args: builder.fma(*args)


def _bitcast(kind):
    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], kind)

    return codegen


@intrinsic(target="generic")
def _bits_of(typingctx, value):
    if value != types.float32:
        return None
    return types.int32(value), _bitcast(ir.IntType(32))


@intrinsic(target="generic")
def _float_of(typingctx, bits):
    if bits != types.int32:
        return None
    return types.float32(bits), _bitcast(ir.FloatType())


@intrinsic(target="generic")
def _bits_of_double(typingctx, value):
    if value != types.float64:
        return None
    return types.int64(value), _bitcast(ir.IntType(64))


@intrinsic(target="generic")
def _double_of(typingctx, bits):
    if bits != types.int64:
        return None
    return types.float64(bits), _bitcast(ir.DoubleType())


@intrinsic(target="generic")
def _ordered_key(typingctx, value, keep, place):
    if (value, keep, place) != (types.float32, types.int32, types.int32):
        return None

    def codegen(context, builder, signature, args):
        bits = builder.bitcast(args[0], ir.IntType(32))
        return builder.or_(builder.and_(bits, args[1]), args[2])

    return types.int32(value, keep, place), codegen


@overload(fma, target="generic", jit_options=_OPTIONS)
def _compiled_fma(a, b, c):
    return lambda a, b, c: _fma(a, b, c)


@overload(bits_of, target="generic", jit_options=_OPTIONS)
def _compiled_bits_of(value):
    return lambda value: _bits_of(value)


@overload(float_of, target="generic", jit_options=_OPTIONS)
def _compiled_float_of(bits):
    return lambda bits: _float_of(bits)


@overload(bits_of_double, target="generic", jit_options=_OPTIONS)
def _compiled_bits_of_double(value):
    return lambda value: _bits_of_double(value)


@overload(double_of, target="generic", jit_options=_OPTIONS)
def _compiled_double_of(bits):
    return lambda bits: _double_of(bits)


@overload(ordered_key, target="generic", jit_options=_OPTIONS)
def _compiled_ordered_key(value, keep, place):
    return lambda value, keep, place: _ordered_key(value, keep, place)


@intrinsic(target="cuda")
def _times_on_cuda(typingctx, a, b):
    if a != b or a not in (types.float32, types.float64):
        return None
    name = f"llvm.nvvm.mul.rn.{'f' if a == types.float32 else 'd'}"

    def codegen(context, builder, signature, args):
        kind = args[0].type
        function = ir.FunctionType(kind, (kind, kind))
        return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)

    return a(a, b), codegen


@overload(times, target="generic", jit_options=_OPTIONS)
def _compiled_times(a, b):
    return lambda a, b: a * b


@overload(times, target="cuda")
def _compiled_times_on_cuda(a, b):
    return lambda a, b: _times_on_cuda(a, b)
