"""A float32 and a small integer packed into one int32: two words of LLVM that numba lacks.

The bits of floats of at least 0 order like the floats. With the last few bits replaced by an
integer, the smaller of two such keys is the smaller float, or, of equal ones, the smaller integer.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def ordered_key(typingctx, value, keep, place):
    """The bits of ``value`` under the mask ``keep``, with ``place`` in the others, as an int32."""
    if (value, keep, place) != (types.float32, types.int32, types.int32):
        return None

    def codegen(context, builder, signature, args):
        bits = builder.bitcast(args[0], ir.IntType(32))
        return builder.or_(builder.and_(bits, args[1]), args[2])

    return types.int32(types.float32, types.int32, types.int32), codegen
