"""Whether two samples of times differ: by ranks, so that a busy machine proves nothing wrong."""

import math
from collections.abc import Sequence

P_MIN = 0.01
"""Below it two samples count as different; of two that are alike one comparison in a hundred gives less by chance."""


def p_of(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sided p of the Mann-Whitney U test, by the normal approximation with a correction for ties.

    After H. B. Mann and D. R. Whitney, “On a test of whether one of two random variables is stochastically larger than
    the other”, Annals of Mathematical Statistics 18 (1947).
    """
    n, m = len(one), len(other)
    ordered = sorted([(value, True) for value in one] + [(value, False) for value in other])
    ranks, ties, at = 0.0, 0, 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            end += 1
        count, mean_rank = end - at, (at + 1 + end) / 2
        ranks += mean_rank * sum(mine for _, mine in ordered[at:end])
        ties += count**3 - count
        at = end
    u, mean = ranks - n * (n + 1) / 2, n * m / 2
    variance = n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return 1.0
    z = max(0.0, abs(u - mean) - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))
