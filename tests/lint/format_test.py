"""Every C file is as clang-format 14 would write it."""

import subprocess

import sources

FORMATTER = "clang-format-14"
FILES_AT_ONCE = 40


def main():
    paths = sources.tracked(".c", ".h")
    complaints = []
    for first in range(0, len(paths), FILES_AT_ONCE):
        command = [FORMATTER, "--dry-run", "-Werror", *paths[first:first + FILES_AT_ONCE]]
        result = subprocess.run(command, cwd=sources.ROOT, capture_output=True, text=True)
        if result.returncode != 0:
            complaints += [line for line in result.stderr.splitlines() if "error:" in line] or \
                          [f"{FORMATTER}: {result.stderr}"]
    sources.report("format", complaints)


main()
