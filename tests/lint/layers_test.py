"""Dependencies point one way: ARCHITECTURE.md, section 6, as a check.

A file includes only what its folder may include, a third-party library only through its door, and
what decides (the cores, the fold) has no clock, no socket and no thread.
"""

import fnmatch
import os
import re

import sources

BELOW = {"common", "common/io", "schemas", "common/fleet"}

# Folder -> the folders whose headers it may include. A program's top level wires both its halves.
ALLOWED = {
    "common": {"common"},
    "common/io": {"common/io", "common", "schemas"},
    "schemas": {"schemas", "common"},
    "common/fleet": {"common/fleet", "schemas", "common"},
    "broker/core": {"broker/core", "common/fleet", "schemas", "common"},
    "broker/io": {"broker/io", "schemas", "common/io", "common"},
    "broker": {"broker", "broker/core", "broker/io"} | BELOW,
    "worker/core": {"worker/core", "common/fleet", "schemas", "common"},
    "worker/io": {"worker/io", "schemas", "common/io", "common"},
    "worker": {"worker", "worker/core", "worker/io"} | BELOW,
    "ops": {"ops"} | BELOW,  # and every folder in it, which may include itself
}

# Header -> the files that may include it. What is in no row is the C library's or the kernel's.
DOORS = (
    ("lmdb.h", ("common/io/store.c", "common/io/store_file.c")),
    ("nng/*", ("common/io/bus*.[ch]",)),
    ("msgpack.h", ("schemas/*",)),
    ("msgpack/*", ("schemas/*",)),
    ("libmount/*", ("worker/io/*",)),
    ("jansson.h", ("schemas/*", "worker/io/*", "ops/*")),
    ("seccomp.h", ("worker/io/*",)),
    ("sys/capability.h", ("worker/io/*",)),
    ("zstd.h", ("broker/io/squeeze.c",)),
    ("archive*.h", ("worker/io/*", "ops/console/archive_library.h")),
    ("openssl/*", ("common/io/sp_tls.c", "common/io/digest.c")),
    ("event2/*", ("common/io/*", "broker/io/*", "worker/io/*", "broker/*.c", "worker/*.c", "ops/*")),
    ("cmocka.h", ()),
)

PURE = ("common/fleet", "broker/core", "worker/core")
IMPURE = ("time.h", "sys/time.h", "sys/timerfd.h", "sys/times.h", "sys/socket.h", "sys/un.h",
          "netinet/*", "arpa/*", "netdb.h", "poll.h", "sys/epoll.h", "sys/eventfd.h",
          "sys/select.h", "pthread.h", "threads.h", "semaphore.h", "stdatomic.h", "syslog.h",
          "spawn.h", "sys/wait.h", "sys/random.h")

INCLUDE = re.compile(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def folder_of(path):
    return os.path.dirname(path)


def allowed_for(folder):
    """The folders that `folder` may include; None: nobody has made a rule for it."""
    if folder.startswith("ops/"):
        return ALLOWED["ops"] | {folder}
    return ALLOWED.get(folder)


def matches(text, patterns):
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)


def check_ours(path, header, headers):
    allowed = allowed_for(folder_of(path))
    if allowed is None:
        return f"folder {folder_of(path)} has no rule in ARCHITECTURE.md"
    if header not in headers:
        return f'"{header}" is no header of this tree'
    if folder_of(header) not in allowed:
        return f'{folder_of(path)} may not include "{header}"'
    return None


def check_theirs(path, header):
    for pattern, doors in DOORS:
        if fnmatch.fnmatchcase(header, pattern) and not matches(path, doors):
            return f"<{header}> has another door"
    # A core below the wiring: fnmatch's * crosses slashes.
    if header.startswith("event2/") and folder_of(path) in PURE:
        return f"<{header}> has another door"
    if folder_of(path) in PURE and matches(header, IMPURE):
        return f"<{header}> is not for what decides"
    return None


def check(path, lines, headers):
    complaints = []
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if not include:
            continue
        ours, theirs = include.groups()
        complaint = check_ours(path, ours, headers) if ours else check_theirs(path, theirs)
        if complaint:
            complaints.append(f"{path}:{number}: {complaint}")
    return complaints


def check_the_checker():
    """A check that finds nothing must be known to find something."""
    headers = {"common/mem.h", "common/io/log.h", "schemas/bus.h", "worker/core/plan.h",
               "common/fleet/fleet.h", "broker/io/log.h"}
    breaches = (
        ("common/mem.c", '#include "schemas/bus.h"'),
        ("schemas/bus.c", '#include "common/io/log.h"'),
        ("common/fleet/fold.c", '#include "common/io/log.h"'),
        ("common/io/x.c", '#include "common/fleet/fleet.h"'),
        ("broker/core/x.c", '#include "broker/io/log.h"'),
        ("worker/io/x.c", '#include "worker/core/plan.h"'),
        ("broker/x.c", '#include "worker/core/plan.h"'),
        ("ops/console/x.c", '#include "broker/io/log.h"'),
        ("worker/new/x.c", '#include "common/mem.h"'),
        ("common/mem.c", '#include "mem.h"'),
        ("broker/io/x.c", "#include <lmdb.h>"),
        ("worker/x.c", "# include <nng/protocol/reqrep0/req.h>"),
        ("broker/x.c", "#include <msgpack.h>"),
        ("common/fleet/x.c", "#include <event2/event.h>"),
        ("worker/core/x.c", "#include <event2/event.h>"),
        ("schemas/x.c", "#include <event2/event.h>"),
        ("worker/core/x.c", "#include <time.h>"),
        ("common/fleet/x.c", "#include <pthread.h>"),
        ("broker/core/x.c", "  #include <netinet/in.h>"),
    )
    for path, line in breaches:
        assert check(path, [line], headers), f"the checker lets {path} {line} pass"
    innocent = (
        ("broker/x.c", '#include "broker/io/log.h"'),
        ("ops/console/x.c", '#include "common/fleet/fleet.h"'),
        ("common/io/store.c", "#include <lmdb.h>"),
        ("worker/main.c", "#include <event2/event.h>"),
        ("common/fleet/fold.c", "#include <string.h>"),
        ("common/mem.c", '/* #include "schemas/bus.h" */'),
    )
    for path, line in innocent:
        assert not check(path, [line], headers), f"the checker refuses {path} {line}"


def main():
    check_the_checker()
    paths = [path for path in sources.tracked(".c", ".h") if sources.is_production(path)]
    headers = {path for path in paths if path.endswith(".h")}
    complaints = []
    for path in paths:
        complaints += check(path, sources.lines_of(path), headers)
    sources.report("layers", complaints)


main()
