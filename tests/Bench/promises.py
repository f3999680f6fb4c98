# SPDX-License-Identifier: BSD-3-Clause
"""What README promises of speed, read from its table, so that no other list can differ from it; and whether a run of the benchmark has held it."""
import re
import statistics
from dataclasses import dataclass

HEADING = "| what | link | measured | promised |"
PROGRAMS = {
    "classic tunnel": "udptunnel", "secure tunnel": "udptunnel-secure", "relay": "tls",
    "VXLAN": "vxlan", "wireguard-go": "wireguard", "OpenVPN": "openvpn", "direct": "direct",
}
BOUND = re.compile(r"at (?P<bound>least|most) (?P<value>[\d.,]+)( ×)? (?P<unit>\S.*)")


@dataclass
class Promise:
    """`base` is the program that the measurement is compared with, or None where the bound is a plain figure."""
    cells: list
    section: str
    program: str
    column: str
    most: bool
    value: float
    base: str

    def measured(self, sections):
        """The median of a run, or the ratio of two; None if it was not measured."""
        section = sections.get(self.section)
        values = section and section.values.get((self.program, self.column))
        if not values or not self.base:
            return statistics.median(values) if values else None
        base = section.values.get((self.base, self.column))
        return statistics.median(values) / statistics.median(base) if base and statistics.median(base) > 0 else None

    def held(self, measured):
        return measured is not None and (measured <= self.value if self.most else measured >= self.value)


def read(readme, columns):
    """The promises of README's text; columns as `report` has them. Whoever words one so that it cannot be checked is told."""
    rows, found = readme.splitlines(), []
    if HEADING not in rows:
        raise ValueError(f"README has no table that begins with '{HEADING}'")
    for row in rows[rows.index(HEADING) + 2:]:
        if not row.startswith("|"):
            break
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        what, link, heading, promise = cells if len(cells) == 4 else ("", "", "", "")
        column = next((key for key, column in columns.items() if column.heading == heading), None)
        match = BOUND.fullmatch(promise)
        base = PROGRAMS.get(match["unit"]) if match and match[3] else None
        plain = match and not match[3] and column and match["unit"] == columns[column].unit
        if what not in PROGRAMS or link not in ("whole", "cut", "merged") or not (plain or (column and base)):
            raise ValueError(f"README promises what cannot be checked: {row}")
        section = "relays" if what == "relay" else link
        found.append(Promise(cells, section, PROGRAMS[what], column, match["bound"] == "most", float(match["value"]), base))
    return found
