"""Plots as SVG, written by hand: the same results come to the same bytes, and a change of one
figure to a change of one line."""

import math
from xml.sax.saxutils import escape

_FONT = "font-family='sans-serif' font-size='12'"
_COLOURS = ["#1f6feb", "#d9822b", "#2c974b", "#a371f7", "#c9373f", "#57606a"]
_OURS, _PEERS, _LEAST = "#1f6feb", "#8c959f", "#2c974b"


def bars(title, unit, rows):
    """A bar for each (name, median, (least, most)), with a whisker for its spread. What is called
    after the library is blue, and what is called `least` green."""
    left, width, height = 210, 430, 24
    most = max(high for _, _, (_, high) in rows)
    top = 40
    body = [_text(10, 22, title, weight="bold")]
    for index, (name, median, (low, high)) in enumerate(rows):
        y = top + index * height
        colour = _PEERS
        if name.startswith("scramtoken"):
            colour = _OURS
        elif name.startswith("least"):
            colour = _LEAST
        long = median / most * width
        body.append(_text(left - 8, y + 15, name, anchor="end"))
        body.append(
            f"<rect x='{left}' y='{y + 3}' width='{long:.1f}' height='16' fill='{colour}'/>"
        )
        ends = [left + value / most * width for value in (low, high)]
        body.append(_line(ends[0], y + 11, ends[1], y + 11, "#24292f"))
        body.append(_text(max(left + long, ends[1]) + 6, y + 15, f"{_plain(median)} {unit}"))
    return _svg(left + width + 110, top + len(rows) * height + 10, body)


def curves(title, across, up, series, logarithmic_up=False):
    """A line for each {name: [(x, median, (least, most))]}; x is logarithmic."""
    left, top, width, height = 70, 40, 480, 240
    points = [point for line in series.values() for point in line]
    xs = sorted({x for x, _, _ in points})
    low, high = math.log(xs[0]), math.log(xs[-1])
    ticks = _ticks(max(y for _, _, (_, y) in points))
    least = min(y for _, y, _ in points)
    if logarithmic_up:
        ticks = _decades(least, max(y for _, y, _ in points))

    def place(x, y):
        along = (math.log(x) - low) / ((high - low) or 1)
        if logarithmic_up:
            first, last = math.log(ticks[0]), math.log(ticks[-1])
            part = (math.log(max(y, ticks[0])) - first) / ((last - first) or 1)
        else:
            part = y / ticks[-1]
        return left + along * width, top + height - part * height

    body = [_text(10, 22, title, weight="bold")]
    for tick in ticks:
        y = place(xs[0], tick)[1]
        body.append(_line(left, y, left + width, y, "#d0d7de"))
        body.append(_text(left - 6, y + 4, _plain(tick), anchor="end"))
    for x in xs:
        at = place(x, ticks[-1])[0]
        body.append(_line(at, top + height, at, top + height + 4, "#24292f"))
        body.append(_text(at, top + height + 18, _short(x), anchor="middle"))
    body.append(_text(left + width / 2, top + height + 38, across, anchor="middle"))
    body.append(_text(left + width + 16, top + 4, up))
    for index, (name, line) in enumerate(series.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y, _ in line)
        body.append(f"<polyline points='{path}' fill='none' stroke='{colour}' stroke-width='2'/>")
        for x, y, (lowest, highest) in line:
            at, middle = place(x, y)
            body.append(_line(at, place(x, lowest)[1], at, place(x, highest)[1], colour))
            body.append(f"<circle cx='{at:.1f}' cy='{middle:.1f}' r='3' fill='{colour}'/>")
        y = top + 28 + 20 * index
        body.append(_line(left + width + 16, y - 4, left + width + 36, y - 4, colour, 2))
        body.append(_text(left + width + 42, y, name))
    return _svg(left + width + 230, top + height + 50, body)


def _svg(width, height, body):
    head = f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' {_FONT}>"
    background = "<rect width='100%' height='100%' fill='#ffffff'/>"
    return "\n".join([head, background, *body, "</svg>", ""])


def _text(x, y, text, anchor="start", weight="normal"):
    style = f"text-anchor='{anchor}' font-weight='{weight}' fill='#24292f'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(text)}</text>"


def _line(x1, y1, x2, y2, colour, width=1):
    ends = f"x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}'"
    return f"<line {ends} stroke='{colour}' stroke-width='{width}'/>"


def _ticks(most):
    """Five round values or so, from nothing to what is not below the most."""
    step = 10 ** math.floor(math.log10(most / 4)) if most > 0 else 1
    for factor in (1, 2, 2.5, 5, 10):
        if most <= step * factor * 5:
            step *= factor
            break
    return [step * index for index in range(math.ceil(most / step - 1e-9) + 1)]


def _decades(least, most):
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return [10.0**power for power in range(first, max(last, first + 1) + 1)]


def _plain(value):
    if value >= 1000:
        return _short(value)
    return f"{value:.3g}"


def _short(value):
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.3g}"
