# SPDX-License-Identifier: BSL-1.0

"""Medians with their spread. No mean: one disturbed round must not move a figure."""

import dataclasses
import math
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    median: float
    low_quartile: float
    high_quartile: float
    low_95: float  # distribution-free 95 % interval of the median
    high_95: float
    count: int


def spread(values):
    ordered = sorted(values)
    count = len(ordered)
    quartiles = (
        statistics.quantiles(ordered, n=4, method="inclusive")
        if count > 1
        else [ordered[0]] * 3
    )
    rank = max(0, math.floor(count / 2 - 0.98 * math.sqrt(count)))
    return Spread(
        statistics.median(ordered),
        quartiles[0],
        quartiles[2],
        ordered[rank],
        ordered[count - 1 - rank],
        count,
    )


def paired_ratios(rounds, subject, other, quantity):
    """Per-round ratios: both values of a pair come from the same few seconds."""
    return [one[subject][quantity] / one[other][quantity] for one in rounds]


def ratios_to_best(rounds, subject, others, quantity):
    """The same to the lowest of several in each round."""
    return [
        one[subject][quantity] / min(one[other][quantity] for other in others)
        for one in rounds
    ]


def paired_differences(rounds, subject, other, quantity):
    return [one[subject][quantity] - one[other][quantity] for one in rounds]


def of_column(rounds, column, quantity):
    return spread([one[column][quantity] for one in rounds])


def rotated(columns, round_index):
    """The order of one round: each column starts in turn, and every other turn runs
    backwards, so that no column always follows the same neighbour."""
    shift = (round_index // 2) % len(columns)
    order = columns[shift:] + columns[:shift]
    return order if round_index % 2 == 0 else order[::-1]
