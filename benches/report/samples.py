"""Raw results, put together: what was measured, over all rounds."""

import statistics
from collections import defaultdict
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """The values of one thing, one for each round."""

    values: tuple
    unit: str
    version: str

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def spread(self):
        """What the middle 80 % of rounds lie between; of few rounds, all."""
        if len(self.values) < 5:
            return min(self.values), max(self.values)
        deciles = statistics.quantiles(self.values, n=10)
        return deciles[0], deciles[-1]


def collect(lines):
    """{(benchmark, mechanism, subject, at): Sample}, in the order of the lines."""
    values, of = defaultdict(list), {}
    for line in lines:
        key = (line["benchmark"], line["mechanism"], line["subject"], line.get("at"))
        values[key].append(line["value"])
        of[key] = (line["unit"], line["version"])
    return {key: Sample(tuple(values[key]), *of[key]) for key in values}


def number(value):
    """Three figures that count, and no more than three behind the point."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    if abs(value) >= 1:
        return f"{value:.2f}"
    return f"{value:.3f}"


def table(heads, rows):
    """Markdown; what is no text is right-aligned in columns whose head ends in `:`."""
    rule = ["--:" if head.endswith(":") else "---" for head in heads]
    lines = [[head.rstrip(":") for head in heads], rule, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"
