# SPDX-License-Identifier: BSL-1.0

"""The plots of docs/benchmarks.md, each on a light and on a dark ground."""

import dataclasses

import plot

FAR = 1.6
LICENSE = "<!-- SPDX-License-Identifier: BSL-1.0 -->"


@dataclasses.dataclass(frozen=True)
class Theme:
    name: str
    ground: str
    text: str
    grid: str
    verdicts: dict
    columns: dict


THEMES = (
    Theme(
        "light",
        "#ffffff",
        "#24292f",
        "#d8dee4",
        {"less": "#1a7f37", "no difference": "#6e7781", "more": "#bc4c00"},
        {
            "asio_uring": "#2f6f9f",
            "asio_uring_coro": "#6fa8cf",
            "asio_epoll": "#c98b4b",
            "asio_native_uring": "#a06aa8",
            "raw_epoll": "#8a8a8a",
            "libuv": "#5f9f5f",
        },
    ),
    Theme(
        "dark",
        "#0d1117",
        "#c9d1d9",
        "#30363d",
        {"less": "#3fb950", "no difference": "#8b949e", "more": "#f0883e"},
        {
            "asio_uring": "#58a6ff",
            "asio_uring_coro": "#a5d2ff",
            "asio_epoll": "#e3a968",
            "asio_native_uring": "#c58fd0",
            "raw_epoll": "#8b949e",
            "libuv": "#7ee787",
        },
    ),
)


def _begin(path, theme, width, height):
    return [
        f"set terminal svg noenhanced size {width},{height} font 'sans,12' "
        f"background rgb '{theme.ground}'",
        f"set output '{path}'",
        f"set border lc rgb '{theme.grid}'",
        f"set tics textcolor rgb '{theme.text}'",
        f"set key textcolor rgb '{theme.text}'",
        f"set title textcolor rgb '{theme.text}'",
        f"set xlabel textcolor rgb '{theme.text}'",
        f"set ylabel textcolor rgb '{theme.text}'",
    ]


def _finish(path, script):
    plot.run_gnuplot(script)
    head, rest = path.read_text().split("\n", 1)
    path.write_text(f"{head}\n{LICENSE}\n{rest}")


def overview(folder, theme, rows, caption):
    """Dots with intervals, a line for each row; colour says what both runs say."""
    path = folder / f"overview-{theme.name}.svg"
    script = _begin(path, theme, 900, 90 + 24 * len(rows))
    blocks = {name: [] for name in theme.verdicts}
    for index, (_, verdict, spreads) in enumerate(rows):
        for run, one in enumerate(spreads):
            height = len(rows) - index + (0.17 if run == 0 else -0.17)
            blocks[verdict].append(f"{one.median} {height} {one.low_95} {one.high_95}")
    for number, lines in enumerate(blocks.values()):
        script += [f"$block{number} << END", *(lines or ["NaN 0 NaN NaN"]), "END"]
    # A few values far away must not press all others together: a number says them.
    top = max(min(one.high_95, FAR) for _, _, spreads in rows for one in spreads)
    low = max(min(one.low_95 for _, _, spreads in rows for one in spreads), 1 / FAR)
    for index, (_, verdict, spreads) in enumerate(rows):
        if any(one.median > FAR for one in spreads):
            values = " / ".join(f"{one.median:.3g}" for one in spreads)
            script.append(
                f"set label '{values} >' at graph 0.99, first {len(rows) - index} right "
                f"textcolor rgb '{theme.verdicts[verdict]}'"
            )
    tics = ", ".join(
        f'"{label}" {len(rows) - index}' for index, (label, _, _) in enumerate(rows)
    )
    words = {"less": "costs less", "no difference": "no difference", "more": "costs more"}
    script += [
        f"set ytics ({tics}) nomirror",
        f"set yrange [0.3:{len(rows) + 0.7}]",
        f"set xrange [{min(low, 0.7) - 0.03}:{max(top, 1.2) + 0.05}]",
        "set xtics nomirror out 0.1 format '%.1f'",
        f"set grid x lc rgb '{theme.grid}'",
        "set xlabel 'cost against Asio on epoll (left is better)'",
        "set bmargin 5",
        f"set label '{caption}' at screen 0.5, screen 0.02 center font ',10' "
        f"textcolor rgb '{theme.text}'",
        f"set arrow 1 from 1,0.3 to 1,{len(rows) + 0.7} nohead lw 1.5 lc rgb '{theme.text}'",
        "set key outside top center horizontal",
        "plot "
        + ", ".join(
            f"$block{number} using 1:2:3:4 with xerrorbars pt 7 ps 0.6 lw 1.5 "
            f"lc rgb '{theme.verdicts[name]}' title '{words[name]}'"
            for number, name in enumerate(blocks)
        ),
    ]
    _finish(path, script)


def bars(folder, theme, groups, series):
    """A group of bars for each scenario, a bar for each column."""
    path = folder / f"columns-{theme.name}.svg"
    script = _begin(path, theme, 900, 380)
    script.append("$data << END")
    for index, name in enumerate(groups):
        cells = ["NaN" if values[index] is None else str(values[index])
                 for _, _, values in series]
        script.append(f'"{name}" ' + " ".join(cells))
    script += [
        "END",
        "set style data histograms",
        "set style histogram clustered gap 1",
        "set style fill solid 0.95 noborder",
        "set xtics nomirror",
        "set ytics nomirror",
        "set yrange [0:*]",
        f"set grid y lc rgb '{theme.grid}'",
        "set ylabel 'cost, Asio on epoll = 1'",
        "set key outside top center horizontal",
        "plot "
        + ", ".join(
            f"$data using {number + 2}:xtic(1) title \"{title}\" "
            f"lc rgb '{theme.columns[column]}'"
            for number, (column, title, _) in enumerate(series)
        ),
    ]
    _finish(path, script)


def lines(folder, theme, series):
    """Cost over the number of threads."""
    path = folder / f"threads-{theme.name}.svg"
    script = _begin(path, theme, 700, 340)
    for number, (_, _, points) in enumerate(series):
        script += [f"$line{number} << END"]
        script += [f"{x} {y}" for x, y in points] or ["NaN NaN"]
        script += ["END"]
    script += [
        "set logscale x 2",
        "set xrange [0.9:9]",
        "set yrange [0:*]",
        "set xtics nomirror (1, 2, 4, 8)",
        "set ytics nomirror",
        f"set grid y lc rgb '{theme.grid}'",
        "set xlabel 'threads that run one context'",
        "set ylabel 'us of processor time per echo'",
        "set key outside top center horizontal",
        "plot "
        + ", ".join(
            f"$line{number} with linespoints pt 7 lw 2 lc rgb '{theme.columns[column]}' "
            f'title "{title}"'
            for number, (column, title, _) in enumerate(series)
        ),
    ]
    _finish(path, script)
