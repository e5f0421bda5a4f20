# SPDX-License-Identifier: BSL-1.0

"""Markdown, JSON and the RESULT lines."""

import dataclasses
import json

import plot


@dataclasses.dataclass(frozen=True)
class Machine:
    """What each report says of the machine."""

    description: list  # pairs of name and text
    costs: dict  # figures, see machine.py
    caption: str


def _table(caption, header, rows):
    lines = [f"## {caption}", "", "| " + " | ".join(header) + " |"]
    lines.append("|" + "---|" * len(header))
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return [*lines, ""]


def result_lines(name, outcome):
    return [
        f"RESULT {name} {figure} {value:.4g}" if abs(value) < 1000
        else f"RESULT {name} {figure} {value:.0f}"
        for figure, value in outcome.figures.items()
    ]


def asked(settings):
    """What a run was told, for one that goes on where another has stopped."""
    return {
        "rounds": settings.rounds,
        "window_s": settings.window_s,
        "smaller": settings.smaller,
    }


def write(settings, scenario, outcome, machine):
    """One Markdown file, one SVG plot and one JSON file of a scenario."""
    settings.output.mkdir(parents=True, exist_ok=True)
    base = settings.output / scenario.name
    plotted = bool(outcome.panels) and plot.available()
    if plotted:
        try:
            plot.write_svg(
                f"{base}.svg", scenario.name, machine.caption, outcome.panels
            )
        except plot.PlotError as error:
            plotted = False
            outcome.failures.append(str(error))
    elif outcome.panels:
        outcome.notes.append("No plot: gnuplot is not installed.")
    lines = [f"# {scenario.name}", "", scenario.description, ""]
    if plotted:
        lines += [f"![{scenario.name}]({scenario.name}.svg)", ""]
    for table in outcome.tables:
        lines += _table(*table)
    lines += ["## Method", "", *(f"- {note}" for note in outcome.notes)]
    lines += [f"- {what}: {text}" for what, text in machine.description]
    lines += ["", "## Figures", "", "```"]
    lines += [*result_lines(scenario.name, outcome), "```", ""]
    base.with_suffix(".md").write_text("\n".join(lines))
    base.with_suffix(".json").write_text(
        json.dumps(
            {
                "scenario": scenario.name,
                "machine": dict(machine.description),
                "machine_costs": machine.costs,
                "asked": asked(settings),
                "figures": outcome.figures,
                "notes": outcome.notes,
                **outcome.raw,
            },
            indent=1,
        )
    )


def print_tables(outcome):
    """The tables once more, aligned for a terminal."""
    for caption, header, rows in outcome.tables:
        print(f"\n{caption}")
        cells = [[str(cell).replace("`", "") for cell in row] for row in [header, *rows]]
        widths = [max(map(len, column)) for column in zip(*cells)]
        for row in cells:
            print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)))
