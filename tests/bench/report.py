"""results.md and the plots, of results.json. Nothing is measured here."""
import os

import catalog
import plots
from results import US

HEAD = """# What ops/bench measured

Made by `ops/bench` of [results.json](results.json): do not edit. What the figures mean, and what stands in the way
of those that are not reached, is in [benchmarks.md](../benchmarks.md).
"""


def number(value, decimals):
    return f"{value:,.{decimals}f}"


def machine_lines(found):
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(machine["versions"].items()))
    return [
        f"{machine['system']}, Linux {machine['kernel']}, {machine['processors']} x {machine['processor']} "
        f"({'virtual' if machine['virtual'] else 'not virtual'}), {machine['memory_mib']} MiB of memory, {machine['file_system']}, "
        f"control groups {machine['control_groups']}.",
        "", f"Packages: {versions}.", ""]


def part_lines(found):
    lines = ["| part | command | commit | began (UTC) | took | load before, after |",
             "|---|---|---|---|---|---|"]
    for part in found["parts"]:
        failure = f" **{part['failure']}**" if "failure" in part else ""
        lines.append(f"| {part['name']} | `{part['command']}`{failure} | {part['commit']} | {part['began']} | "
                     f"{part['seconds']:.0f} s | {part['load_before']}, {part['load_after']} |")
    return lines + [""]


def wanted_text(figure):
    said = []
    for wanted in figure["wanted"]:
        verdict = {True: "reached", False: "**not reached**"}.get(wanted.get("is_reached"), "not measured")
        said.append(f"{wanted['statistic']} {wanted['bound']} {wanted['said']}: {verdict}")
    return "; ".join(said)


def value_rows(figure):
    decimals = catalog.BY_NAME[figure["name"]].decimals
    for peer, has in figure["peers"].items():
        name = f"**{peer}**" if peer == US else peer
        ratio = f"{has['ratio']:.2f}" if "ratio" in has else ""
        yield (f"| {name} | {number(has['median'], decimals)} | {number(has['low'], decimals)} to "
               f"{number(has['high'], decimals)} | {number(has['p99'], decimals)} | {ratio} | {has['count']} |")


def curve_rows(figure):
    decimals = catalog.BY_NAME[figure["name"]].decimals
    for peer, curve in figure["curves"].items():
        for point in curve:
            yield (f"| {peer} | {number(point['at'], 0)} | {number(point['median'], decimals)} | "
                   f"{number(point['low'], decimals)} to {number(point['high'], decimals)} | {point['count']} |")


def figure_lines(figure):
    lines = [f"### {figure['title']}", ""]
    if figure["wanted"]:
        lines += [f"Wanted: {wanted_text(figure)}.", ""]
    if "curves" in figure:
        lines += [f"| | {figure['x']} | {figure['unit']}, median | 5 % to 95 % | samples |",
                  "|---|---|---|---|---|", *curve_rows(figure)]
    else:
        beside = f"x {figure['floor']}" if "floor" in figure else ""
        lines += [f"| | {figure['unit']}, median | 5 % to 95 % | p99 | {beside} | samples |",
                  "|---|---|---|---|---|---|", *value_rows(figure)]
    return lines + [""]


def missing_lines(found):
    if not found["missing"]:
        return []
    return ["## Missing", "", *[f"- {missing['peer']} (part {missing['part']}): {missing['why']}"
                                for missing in found["missing"]], ""]


def table(found):
    lines = [HEAD]
    if found["is_quick"]:
        lines += ["**A quick run: it says that the suite works, and little about speed.**", ""]
    lines += machine_lines(found) + part_lines(found) + missing_lines(found)
    parts = []
    for figure in found["figures"]:
        if figure["part"] not in parts:
            parts.append(figure["part"])
    for part in parts:
        lines += [f"## {part}", ""]
        for figure in found["figures"]:
            if figure["part"] == part:
                lines += figure_lines(figure)
    drawn = [name for name, figures in catalog.PLOTS.items() if plots.panels(found, figures)]
    lines += ["## Plots", "", *[f"![{name}]({name}.svg)" for name in drawn], ""]
    return "\n".join(lines)


def write(found, directory):
    with open(os.path.join(directory, "results.md"), "w", encoding="utf-8") as file:
        file.write(table(found))
    plots.draw_all(found, directory)
