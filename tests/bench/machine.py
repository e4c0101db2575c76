"""What a run ran on: the machine, the versions of everything in it, and how busy it was."""
import os
import platform
import subprocess

# Whatever the figures depend on, of Debian's packages.
PACKAGES = ["busybox-static", "conmon", "containerd", "crun", "docker.io", "etcd-server", "libevent-2.1-7",
            "liblmdb0", "libmsgpackc2", "libnng1", "mosquitto", "nats-server", "podman", "redis-server",
            "runc"]


def output(argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def field(path, name):
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(name):
                return line.split(":", 1)[1].strip()
    return ""


def versions():
    """By package; what is not installed has none."""
    listed = output(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status} ${Version}\n"])
    found = (line.split() for line in listed.splitlines())
    return {words[0]: words[2] for words in found
            if len(words) == 3 and words[0] in PACKAGES and words[1] == "installed"}


def control_groups():
    kind = output(["stat", "-f", "-c", "%T", "/sys/fs/cgroup"])
    if kind == "cgroup2fs":
        return "v2"
    return "hybrid" if os.path.isdir("/sys/fs/cgroup/unified") else "v1"


def file_system(directory):
    kind = output(["stat", "-f", "-c", "%T", directory])
    source = output(["findmnt", "-n", "-o", "FSTYPE", "-T", directory])
    return source or kind


def system():
    with open("/etc/os-release", encoding="utf-8") as file:
        fields = dict(line.strip().split("=", 1) for line in file if "=" in line)
    return fields.get("PRETTY_NAME", "").strip('"')


def describe(directory):
    """`directory`: where the benchmarks keep their files."""
    return {
        "system": system(),
        "kernel": platform.release(),
        "processor": field("/proc/cpuinfo", "model name") or platform.machine(),
        "processors": os.cpu_count(),
        "memory_mib": int(field("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "file_system": file_system(directory),
        "control_groups": control_groups(),
        "virtual": "hypervisor" in field("/proc/cpuinfo", "flags"),
        "versions": versions(),
    }


def load():
    return round(os.getloadavg()[0], 2)
