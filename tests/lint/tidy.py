"""clang-tidy over every production file, by .clang-tidy and the build's own commands.

Slow (minutes), so not among the tests that always run: ctest -C slow -R slow.tidy, or by hand with
the files to look at as arguments. Its checks are chosen for the version of Debian 12.
"""

import concurrent.futures
import json
import os
import subprocess
import sys

import sources

TIDY = "clang-tidy-14"
BUILD = os.environ.get("GANTRY_BUILD_DIR") or os.path.join(sources.ROOT, "build", "dev")


def compiled():
    """The files that the build knows how to compile."""
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        return {os.path.relpath(entry["file"], sources.ROOT) for entry in json.load(file)}


def tidy(path):
    command = [TIDY, "-p", BUILD, "--quiet", path]
    result = subprocess.run(command, cwd=sources.ROOT, capture_output=True, text=True)
    if result.returncode == 0:
        return []
    complaints = [line.replace(sources.ROOT + "/", "") for line in result.stdout.splitlines()
                  if " error: " in line or " warning: " in line]
    return complaints or [f"{path}: {TIDY}: {result.stderr.strip()}"]


def main():
    known = compiled()
    paths = sys.argv[1:] or [path for path in sources.tracked(".c")
                             if sources.is_production(path) and path in known]
    complaints = set()  # a header's complaint comes with each file that includes it
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(tidy, paths):
            complaints.update(found)
    sources.report(f"tidy of {len(paths)} files", sorted(complaints))


main()
