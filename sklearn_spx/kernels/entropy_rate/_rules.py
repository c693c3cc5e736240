"""Weights, gains and costs of edges: the arithmetic that the CPU and CUDA share.

The exponential is our own on both, so weights are the same to the last bit. The logarithm is our
own on CUDA alone: on a CPU its library's is twice as fast within the queue. They differ by a unit
in the last place, 2^-53, where costs count in 2^-44 of the greatest gain. So the order of two edges
can differ where their costs are within that, other than by being of equal weights and sizes.

Both functions of our own err by little more than a unit in the last place. Polynomials are nearly
the best of their degree in the sense of Chebyshev; no product that is added to is left to a
compiler to fuse.
"""

import math

from numba.extending import overload

from .._bits import bits_of_double, double_of, times
from ..compilation import rule

MOST_BALANCE = 1e30  # beyond it, the balancing term alone counts
LEAST_WEIGHT = 1e-38  # an affinity of 0 would cut the graph: exp and sigmoid underflow
_ROOT_HALF = 0x3FE6A09E667F3BCD  # bits of the square root of 1/2
_MANTISSA = 52  # bits
_LN2_HIGH = 0.6931471805598903  # 42 bits after the point: its product with an exponent is exact
_LN2_LOW = 5.497923018708371e-14
_PER_LN2 = 1.4426950408889634
_LEAST_EXPONENT = -100.0  # exp of it is below any weight
_COST_BITS = 62  # of an integer cost
_GAIN_BITS = 44  # of the greatest entropy gain


@rule
def is_border(cell, other):
    """Whether two pixels lie in two cells, both of them known."""
    return cell != other and cell >= 0 and other >= 0


@rule(error_model="numpy")  # no test for 0
def own_log(x):
    """Natural logarithm of a normal float64 above 0.

    x = 2^k (1 + f), from the root of 1/2 to the root of 2; with s = f / (2 + f), log(1 + f) is
    2 atanh(s) = 2 s + s R(s^2), and 2 s = f - s f, so that what is rounded is small beside f.
    """
    bits = bits_of_double(x)
    k = (bits - _ROOT_HALF) >> _MANTISSA
    f = double_of(bits - (k << _MANTISSA)) - 1.0
    s = f / (2.0 + f)
    z = times(s, s)
    w = times(z, z)
    low = (0.666666666666667 + times(z, 0.39999999999899444)) + times(
        w, 0.2857142862600327 + times(z, 0.22222211130259878)
    )
    high = (0.18182889455674947 + times(z, 0.15331710618210773)) + times(w, 0.14616585424888623)
    r = low + times(times(w, w), high)
    half = times(0.5 * f, f)
    power = float(k)
    small = times(s, half + times(z, r)) + times(power, _LN2_LOW)
    return times(power, _LN2_HIGH) - ((half - small) - f)


def log(x):
    """Natural logarithm: that of the library on a CPU, else our own."""
    return own_log(x)


@overload(log, target="generic")
def _log_on_cpu(x):
    return lambda x: math.log(x)


@overload(log, target="cuda")
def _log_on_cuda(x):
    return lambda x: own_log(x)


@rule
def exp(x):
    """e^x of a float64 x of at most 0, or e^-100 if it is less than that.

    x = k log 2 + r, with r at most half of log 2; e^r = 1 + r + r^2 P(r).
    """
    x = max(x, _LEAST_EXPONENT)
    k = int(times(x, _PER_LN2) - 0.5)  # to the nearest, of numbers below 0
    power = float(k)
    r = (x - times(power, _LN2_HIGH)) - times(power, _LN2_LOW)
    p = times(r, 2.510038549551032e-08) + 2.7620088445409746e-07
    p = times(r, p) + 2.7557268459997064e-06
    p = times(r, p) + 2.4801521295954376e-05
    p = times(r, p) + 0.00019841269863053618
    p = times(r, p) + 0.0013888888917213717
    p = times(r, p) + 0.008333333333330062
    p = times(r, p) + 0.04166666666662413
    p = times(r, p) + 0.16666666666666669
    p = times(r, p) + 0.5
    value = 1.0 + (r + times(times(r, r), p))
    return double_of(bits_of_double(value) + (k << _MANTISSA))


@rule
def colour_weight(distance, square, factor, least):
    """Weight of an edge between colours, exp(factor d^2 l^2); ``square`` is that of its length."""
    return max(exp(factor * (square * (distance * distance))), least)


@rule
def x_log_x(x):
    """x log x, 0 for what is not above 0."""
    return times(x, log(x)) if x > 0.0 else 0.0


@rule
def entropy_gain(w, loop_a, loop_b, log_a, log_b):
    """What the entropy rate gains by an edge of weight w, times log 2.

    loop_a, loop_b : weights of the self-loops; log_a, log_b : `x_log_x` of them
    """
    left = x_log_x(loop_a - w) + x_log_x(loop_b - w)
    return log_a + log_b - left - 2.0 * x_log_x(w)


@rule
def loop_gain(w, loop_a, loop_b):
    """`entropy_gain` of an edge of weight w between self-loops of these weights."""
    return entropy_gain(w, loop_a, loop_b, x_log_x(loop_a), x_log_x(loop_b))


@rule
def scales(n_pixels, n_segments, balance, greatest):
    """Factor of the balancing term, and the inverse of the unit of integer costs.

    Weights are not divided by their sum: the entropy gain is homogeneous in them, and the balancing
    term is scaled by the greatest of the gains. The balancing term's gain is 1 - (n log n of the
    union minus those of the parts) / (N log 2), and greatest, 1 - 2 / N, for two pixels, whose join
    costs nothing.
    """
    factor = 0.0
    if n_pixels > 2:
        factor = balance * n_segments * greatest / ((1 - 2 / n_pixels) * n_pixels * math.log(2.0))
    most = greatest + times(factor, x_log_x(float(n_pixels)))
    unit = 0.0
    if greatest > 0:
        unit = min(2.0**_GAIN_BITS / greatest, 2.0**_COST_BITS / most)
    return factor, unit


@rule
def integer_cost(entropy, unbalance, greatest, factor, unit):
    """Cost of an edge: the greatest entropy gain minus its own, and the balancing term's loss.

    unbalance : n log n of the union minus those of the parts and that of two pixels
    """
    cost = greatest - entropy + times(factor, unbalance)
    return max(int(times(cost, unit) + 0.5), 0)
