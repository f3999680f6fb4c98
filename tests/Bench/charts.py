# SPDX-License-Identifier: BSD-3-Clause
"""Charts as SVG, in colours that can be read on white and on black."""
import html
import math

STYLE = ("text { font: 12px sans-serif; fill: #7d8590 } .title { font-weight: bold; font-size: 14px } .heading { font-weight: bold }"
         " .own { fill: #2f81f7 } .other { fill: #8b949e } .grid { stroke: #8b949e; stroke-width: 0.3 } .line { fill: none; stroke-width: 2 }")
COLOURS = ["#8b949e", "#2f81f7", "#2da44e", "#d29922", "#e5534b", "#a371f7", "#db6d28", "#1b9e9e"]


def write(path, title, width, height, parts):
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">\n'
            f"<title>{html.escape(title)}</title>\n<style>{STYLE}</style>\n"
            + text(0, 16, title, "title") + "\n" + "\n".join(parts) + "\n</svg>\n")


def text(x, y, words, kind=None, more=""):
    kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{kind}{more}>{html.escape(words)}</text>'


def bars(path, title, panels, names, own):
    """Panels of (heading, digits, {name: value}), a bar for each name; those of `own` stand out."""
    panel, line, label, longest = 255, 20, 120, 84
    parts = []
    for number, (heading, digits, values) in enumerate(panels):
        x, most = number * panel, max(values.values(), default=1) or 1
        parts.append(text(x, 44, heading, "heading"))
        for row, name in enumerate(names):
            y = 56 + row * line
            parts.append(text(x, y + 12, name))
            if name not in values:
                parts.append(text(x + label, y + 12, "–"))
                continue
            length = max(1, round(longest * values[name] / most))
            parts.append(f'<rect x="{x + label}" y="{y + 2}" width="{length}" height="12" class="{"own" if name in own else "other"}"/>')
            parts.append(text(x + label + length + 4, y + 12, f"{values[name]:.{digits}f}"))
    write(path, title, panel * len(panels), 66 + len(names) * line, parts)


class Axis:
    """A logarithmic axis over whole parts of decades: 1, 2, 5, 10 …"""

    def __init__(self, values, start, end):
        steps = [digit * 10.0**power for power in range(-7, 9) for digit in (1, 2, 5)]
        least, most = min(values), max(values)
        first = max(i for i, step in enumerate(steps) if step <= least)
        last = min(i for i, step in enumerate(steps) if step >= most and i > first)
        self.steps, self.start, self.end = steps[first:last + 1], start, end

    def place(self, value):
        low, high = math.log(self.steps[0]), math.log(self.steps[-1])
        return round(self.start + (self.end - self.start) * (math.log(value) - low) / (high - low), 1)


def lines(path, title, across, panels):
    """Panels of (heading, {name: [(x, y), …]}) side by side, with the same axis across; both axes are logarithmic."""
    width, height, left, bottom = 510, 300, 50, 40
    names = list(dict.fromkeys(name for _, series in panels for name in series))
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    shown = [[point for points in series.values() for point in points if min(point) > 0] for _, series in panels]
    parts = []
    for number, (heading, series) in enumerate(panels):
        if not shown[number]:
            continue
        x0 = number * width + left
        x = Axis([point[0] for points in shown for point in points], x0, x0 + width - left - 20)
        y = Axis([point[1] for points in shown for point in points], 50 + height - bottom, 60)
        parts.append(text(number * width, 44, heading, "heading"))
        for step in y.steps:
            parts.append(f'<path class="grid" d="M{x.start} {y.place(step)}H{x.end}"/>')
            parts.append(text(x0 - 6, y.place(step) + 4, f"{step:g}", more=' text-anchor="end"'))
        for step in x.steps:
            parts.append(f'<path class="grid" d="M{x.place(step)} {y.start}V{y.end}"/>')
            parts.append(text(x.place(step), y.start + 16, f"{step:g}", more=' text-anchor="middle"'))
        parts.append(text((x.start + x.end) / 2, y.start + 34, across, more=' text-anchor="middle"'))
        for name, points in series.items():
            places = [(x.place(a), y.place(b)) for a, b in sorted(points) if min(a, b) > 0]
            parts.append(f'<path class="line" stroke="{colours[name]}" d="M' + "L".join(f"{a} {b}" for a, b in places) + '"/>')
            parts += [f'<circle cx="{a}" cy="{b}" r="3" fill="{colours[name]}"/>' for a, b in places]
    for place, name in enumerate(names):
        x = left + place * 140
        parts.append(f'<rect x="{x}" y="{66 + height}" width="14" height="4" fill="{colours[name]}"/>')
        parts.append(text(x + 20, 72 + height, name))
    write(path, title, max(width * len(panels), left + 140 * len(names)), height + 84, parts)
