"""The plots: gnuplot draws bars for peers and lines for curves, with what is wanted as dashed lines.

They stand on white, so that they can be read on a dark page, too.
"""
import os
import subprocess

import catalog
from results import US

PANEL_WIDTH, WIDE_PANEL, HEIGHT = 440, 660, 440
MANY_BARS = 5
OURS, FLOOR = "#1f5fa8", "#9a9a9a"
OTHERS = ["#d9822b", "#5b9f4a", "#8a5fb0", "#b8514e", "#3f9aa6", "#a8892c"]
LOG_FROM = 30  # times: where a bar beside the others would not be seen
MARKS = ["#b00020", "#00796b"]


def panels(found, names):
    figures = {figure["name"]: figure for figure in found["figures"]}
    return [figures[name] for name in names if name in figures]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def colour(peer, position, figure):
    if peer == US:
        return OURS
    return FLOOR if peer == figure.get("floor") else OTHERS[position % len(OTHERS)]


def broken(name):
    """A peer's name on lines that fit beneath a bar."""
    return name.replace(", ", "\\n") if len(name) > 9 else name


def title(figure):
    words, lines = figure["title"].split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 44:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\\n".join(lines)


def marks(figure):
    """What draws the lines of what is wanted, and their values."""
    lines, values = [], []
    for number, wanted in enumerate(wanted for wanted in figure["wanted"] if "value" in wanted):
        values.append(wanted["value"])
        said = f"wanted: {wanted['statistic']} {wanted['bound']} {wanted['said']}"
        lines.append(f"{wanted['value']} with lines dashtype 2 linewidth 1.5 linecolor rgb "
                     f"'{MARKS[number % len(MARKS)]}' title {quoted(said)}")
    return lines, values


def numbers(highest):
    """Thousands as k, so that they fit beside the axis."""
    return "set format y '%.0s%c'" if highest >= 10_000 else "set format y '%g'"


def begin(figure):
    return ["unset logscale", "set key top center font ',10' samplen 3", "set autoscale", "unset xlabel",
            f"set title \"{title(figure)}\"", f"set ylabel {quoted(figure['unit'])}", "set format x '%g'",
            "set xtics autofreq font ',10'", "set ytics autofreq font ',10'"]


def scale(values):
    """Bars begin at nothing; where the largest would hide the others, the scale is a logarithm."""
    lowest, highest = min(values), max(values)
    if lowest > 0 and highest / lowest > LOG_FROM:
        return ["set logscale y", f"set yrange [{lowest / 3}:{highest * 12}]", numbers(highest)]
    return [f"set yrange [0:{highest * 1.35}]", numbers(highest)]


def draw_bars(figure):
    decimals = catalog.BY_NAME[figure["name"]].decimals
    has_tails = any(wanted["statistic"] == "p99" for wanted in figure["wanted"])
    lines, values = marks(figure)
    rows = []
    for position, (peer, has) in enumerate(figure["peers"].items()):
        tail = has["p99"] if has_tails else has["high"]
        values += [has["median"], has["high"], tail]
        paint = int(colour(peer, position, figure)[1:], 16)
        rows.append(f"{position} {has['median']} {has['low']} {has['high']} {paint} "
                    f"\"{broken(peer)}\" \"{has['median']:,.{decimals}f}\" {tail}")
    plotted = ["$bars using 1:2:(0.6):5:xtic(6) with boxes fillstyle solid 0.85 noborder linecolor rgb variable notitle",
               "$bars using 1:3:(0):($4-$3) with vectors nohead linewidth 1.2 linecolor rgb '#222222' notitle",
               "$bars using ($1+0.04):2:7 with labels left offset 0.3,0.6 font ',10' textcolor rgb '#111111' notitle"]
    if has_tails:
        plotted.append("$bars using 1:8 with points pointtype 7 pointsize 0.5 linecolor rgb '#222222' notitle")
    said = "bars: median; lines: 5 % to 95 %" + ("; points: p99" if has_tails else "")
    return ["$bars << EOD", *rows, "EOD", *begin(figure), *scale(values), f"set xlabel {quoted(said)} font ',9' offset 0,-1",
            f"set xrange [-0.6:{len(rows) - 0.4}]", "plot " + ", ".join(plotted + lines)]


def draw_curves(figure):
    lines, values = marks(figure)
    blocks, plotted = [], []
    for position, (peer, curve) in enumerate(figure["curves"].items()):
        name = f"$curve{position}"
        blocks += [f"{name} << EOD",
                   *[f"{point['at']} {point['median']} {point['low']} {point['high']}" for point in curve], "EOD"]
        values += [point[key] for point in curve for key in ("median", "high")]
        plotted.append(f"{name} using 1:2:3:4 with yerrorlines pointtype 7 pointsize 0.6 linewidth 2 "
                       f"linecolor rgb '{colour(peer, position, figure)}' title {quoted(peer)}")
    ats = [point["at"] for curve in figure["curves"].values() for point in curve]
    settings = [f"set xlabel {quoted(figure['x'] + '; lines: 5 % to 95 %')} font ',10'", "set logscale x",
                f"set xrange [{min(ats) / 1.5}:{max(ats) * 1.5}]",
                "set format x '10^{%T}'" if max(ats) >= 1e6 else "set format x '%g'"]
    return blocks + begin(figure) + scale(values) + settings + ["plot " + ", ".join(plotted + lines)]


def script(figures, path):
    columns = len(figures)
    is_wide = any(len(figure.get("peers", ())) >= MANY_BARS for figure in figures)
    width = columns * (WIDE_PANEL if is_wide else PANEL_WIDTH)
    lines = [f"set terminal svg size {width},{HEIGHT} font 'sans-serif,12' background 'white'",
             f"set output {quoted(path)}", "set encoding utf8", "set border 3 linecolor rgb '#444444'",
             "set tics nomirror out textcolor rgb '#222222'", "set grid ytics linecolor rgb '#dddddd'",
             "set style data lines", f"set multiplot layout 1,{columns} margins screen "
             f"{80 / width:.3f},0.985,0.22,0.86 spacing screen {84 / width:.3f}"]
    for figure in figures:
        lines += draw_curves(figure) if "curves" in figure else draw_bars(figure)
    return "\n".join(lines + ["unset multiplot", ""])


def draw(figures, path):
    done = subprocess.run(["gnuplot", "-"], input=script(figures, path), text=True, capture_output=True,
                          check=False)
    if done.returncode != 0 or "line" in done.stderr:
        raise RuntimeError(f"gnuplot: {path}: {done.stderr}")


def draw_all(found, directory):
    for name, names in catalog.PLOTS.items():
        figures = panels(found, names)
        if figures:
            draw(figures, os.path.join(directory, f"{name}.svg"))
