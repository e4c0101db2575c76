"""Memory of processes, of control groups and of the kernel, in bytes."""
import re

KERNEL_FIELDS = ["Slab", "KernelStack", "PageTables", "Percpu"]


def proportional_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024


def kernel_bytes():
    """Of the whole machine."""
    with open("/proc/meminfo", encoding="ascii") as file:
        fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in file}
    return sum(fields[name] for name in KERNEL_FIELDS)


def charged_bytes(group):
    """Kernel memory that is charged to a control group of ours; None: nobody counts it here."""
    for path in [f"/sys/fs/cgroup/memory/gantry/{group}/memory.kmem.usage_in_bytes",
                 f"/sys/fs/cgroup/gantry/{group}/memory.stat"]:
        try:
            with open(path, encoding="ascii") as file:
                text = file.read()
        except OSError:
            continue
        found = re.search(r"^(?:kernel )?(\d+)$", text, re.M)
        return int(found.group(1)) if found else None
    return None
