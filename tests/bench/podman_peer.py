"""podman beside us: `podman start` of a created container, and its death in `podman events`."""
import os
import shutil
import tempfile

import engine_peer
import floor

# A machine without CAP_SYS_RESOURCE cannot raise podman's default limits.
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]


class Podman(engine_peer.Engine):
    events_format, status_key, status_of_death = "json", "Status", "died"

    def __init__(self, runtime, rootfs):
        self.rootfs = rootfs
        self.directory = tempfile.mkdtemp(prefix="gantry-podman-")
        super().__init__(["podman", "--root", os.path.join(self.directory, "root"),
                          "--runroot", os.path.join(self.directory, "run"),
                          "--tmpdir", os.path.join(self.directory, "tmp"),
                          "--runtime", shutil.which(runtime, path="/usr/sbin:/usr/bin:/sbin:/bin"),
                          "--cgroup-manager", "cgroupfs", "--events-backend", "file",
                          "--storage-driver", "vfs"])

    def prepare(self):
        return self.make(*LIMITS, "--rootfs", self.rootfs, "/bin/sleep", "600")

    def remove(self, *names):
        self.run("rm", "-f", "-t", "0", *names)

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        floor.remove_empty_groups("libpod_parent")
