"""podman beside us: `podman start` of a created container, and its death in `podman events`."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

import floor

# A machine without CAP_SYS_RESOURCE cannot raise podman's default limits.
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


class Podman:
    def __init__(self, runtime, rootfs):
        self.rootfs = rootfs
        self.directory = tempfile.mkdtemp(prefix="gantry-podman-")
        self.base = ["podman", "--root", os.path.join(self.directory, "root"),
                     "--runroot", os.path.join(self.directory, "run"),
                     "--tmpdir", os.path.join(self.directory, "tmp"),
                     "--runtime", shutil.which(runtime, path="/usr/sbin:/usr/bin:/sbin:/bin"),
                     "--cgroup-manager", "cgroupfs", "--events-backend", "file",
                     "--storage-driver", "vfs"]
        self.count = 0
        self.events = None

    def run(self, *words):
        return subprocess.run(self.base + list(words), check=True, capture_output=True,
                              text=True).stdout.strip()

    def prepare(self):
        self.count += 1
        name = f"peer{self.count}"
        self.run("create", "--name", name, "--network", "none", *LIMITS, "--rootfs", self.rootfs,
                 "/bin/sleep", "600")
        return name

    def start(self, name):
        began = time.monotonic()
        self.run("start", name)
        return time.monotonic() - began

    def end(self, name):
        """Seconds from SIGKILL of init to the line in `podman events`."""
        pid = int(self.run("inspect", "--format", "{{.State.Pid}}", name))
        follower = subprocess.Popen(self.base + ["events", "--since", "5m", "--format", "json", "--filter",
                                                 f"container={name}"],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            while json.loads(follower.stdout.readline())["Status"] != "start":
                pass
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            while json.loads(follower.stdout.readline())["Status"] != "died":
                pass
            return time.monotonic() - began
        finally:
            follower.kill()
            follower.communicate()

    def remove(self, *names):
        self.run("rm", "-f", "-t", "0", *names)

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        floor.remove_empty_groups("libpod_parent")
