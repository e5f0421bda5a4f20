# SPDX-License-Identifier: BSL-1.0

"""One SVG per scenario: a panel of bars per quantity, with quartiles as whiskers."""

import shutil
import subprocess

# A column has the same colour in every plot.
_COLOURS = {
    "asio_uring": 0x2F6F9F,
    "asio_uring_coro": 0x6FA8CF,
    "asio_epoll": 0xC98B4B,
    "asio_epoll_coro": 0xE0B98C,
    "asio_native_uring": 0xA06AA8,
    "floor": 0x4F8F8F,
    "floor_coop": 0x9FCF9F,
    "floor_multishot": 0x4F8F6F,
    "floor_send_at_once": 0x7FAF5F,
    "raw_epoll": 0x8A8A8A,
    "libuv": 0x5F9F5F,
}
_OTHER_COLOUR = 0xB5B5B5


class PlotError(RuntimeError):
    """A plot that could not be drawn."""


def available():
    return shutil.which("gnuplot") is not None


def _panel(index, title, bars):
    lines = [f"$panel{index} << END"]
    for position, (name, value, low, high) in enumerate(bars):
        colour = _COLOURS.get(name, _OTHER_COLOUR)
        label = name.replace("_", " ")
        lines.append(f'{position} "{label}" {value} {low} {high} {colour}')
    top = max(high for _, _, _, high in bars) * 1.12
    lines += [
        "END",
        f'set title "{title}"',
        f"set yrange [0:{top}]",
        f"set xrange [-0.6:{len(bars) - 0.4}]",
        f"plot $panel{index} using 1:3:6:xtic(2) with boxes lc rgb variable, "
        f"$panel{index} using 1:3:4:5 with yerrorbars lc rgb '#202020' pt 0 lw 1, "
        f"$panel{index} using 1:(0.03 * {top}):(sprintf('%.3g', $3)) "
        "with labels tc rgb '#ffffff' font ',10'",
    ]
    return lines


def write_svg(path, title, caption, panels):
    """Raises PlotError when gnuplot cannot draw it."""
    width = 520 * len(panels)
    script = [
        f"set terminal svg size {width},420 font 'sans,11' background rgb 'white'",
        f"set output '{path}'",
        "set style fill solid 0.9 noborder",
        "set boxwidth 0.7",
        "set grid y lc rgb '#e0e0e0'",
        "set border 3 lc rgb '#606060'",
        "set xtics nomirror rotate by -30 font ',9'",
        "set ytics nomirror",
        "unset key",
        f"set multiplot layout 1,{len(panels)} "
        f"title \"{title}\\n{{/*0.75 {caption}}}\" font ',13'",
    ]
    for index, (panel_title, bars) in enumerate(panels):
        script += _panel(index, panel_title, bars)
    script.append("unset multiplot")
    run_gnuplot(script)


def run_gnuplot(script):
    """Raises PlotError when gnuplot cannot draw it."""
    done = subprocess.run(
        ["gnuplot"], input="\n".join(script) + "\n", text=True, capture_output=True
    )
    if done.returncode != 0:
        raise PlotError(f"no plot: gnuplot: {done.stderr.strip()}")
