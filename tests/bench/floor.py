"""The floor: conmon and the OCI runtime driven directly, without anybody who keeps a record.

A container is created by conmon (which calls `runtime create`), started by `runtime start`, and its
end is seen as the exit file that conmon renames into a directory watched by inotify.
"""
import contextlib
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from inotify import Inotify


def remove_empty_groups(name):
    """A runtime leaves the parent of its containers' control groups behind."""
    for path in [f"/sys/fs/cgroup/{name}", *glob.glob(f"/sys/fs/cgroup/*/{name}")]:
        with contextlib.suppress(OSError):
            os.rmdir(path)


def template(worker_state, container):
    """The config.json that a worker has made for a container, fit for the floor as well."""
    with open(os.path.join(worker_state, "containers", container, "config.json"), encoding="utf-8") as file:
        spec = json.load(file)
    # Files that the worker makes for its own container are not the floor's to mount.
    spec["mounts"] = [mount for mount in spec["mounts"] if container not in mount.get("source", "")]
    return spec


class Floor:
    """Containers whose config.json is a worker's own, with another id and control group."""

    def __init__(self, runtime, template):
        self.runtime = shutil.which(runtime, path="/usr/sbin:/usr/bin:/sbin:/bin")
        self.template = template
        self.directory = tempfile.mkdtemp(prefix="gantry-floor-")
        self.root = os.path.join(self.directory, "runtime")
        self.exits = os.path.join(self.directory, "exits")
        os.mkdir(self.exits)
        self.watch = Inotify(self.exits)
        self.count = 0
        self.syncs = {}  # of each container's pid: the pipe on which its conmon says more

    def prepare(self):
        self.count += 1
        name = f"gantry-floor-{os.getpid()}-{self.count}"
        bundle = os.path.join(self.directory, name)
        os.mkdir(bundle)
        spec = dict(self.template, hostname="floor")
        spec["linux"] = dict(spec["linux"], cgroupsPath=f"/gantry-floor/{name}")
        with open(os.path.join(bundle, "config.json"), "w", encoding="utf-8") as file:
            json.dump(spec, file)
        return name, bundle

    def start(self, name, bundle):
        """Seconds from the launch of conmon to the end of `runtime start`, and the pid of init."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        go, hold = os.pipe()
        began = time.monotonic()
        monitor = subprocess.Popen(
            ["conmon", "--api-version", "1", "-c", name, "-u", name, "-n", name, "-r", self.runtime, "-b", bundle,
             "-p", os.path.join(bundle, "pidfile"), "-P", os.path.join(bundle, "conmon.pid"),
             "--exit-dir", self.exits, "--persist-dir", bundle, "--full-attach",
             "-l", "k8s-file:" + os.path.join(bundle, "ctr.log"), "--no-sync-log",
             "--runtime-arg", "--root=" + self.root],
            cwd=bundle, pass_fds=(theirs.fileno(), go), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, _OCI_SYNCPIPE=str(theirs.fileno()), _OCI_STARTPIPE=str(go)))
        theirs.close()
        os.close(go)
        os.write(hold, b"\0")
        os.close(hold)
        monitor.wait()
        said = json.loads(ours.recv(65536) or "{}")
        pid = said.get("data", -1)
        if pid <= 0:
            raise RuntimeError(f"the floor's container could not be created: {said}")
        subprocess.run([self.runtime, "--root=" + self.root, "start", name], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took = time.monotonic() - began
        self.syncs[pid] = ours
        return took, pid

    def end(self, pid):
        """Seconds from SIGKILL of init to its exit file."""
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self.watch.wait(30)
        took = time.monotonic() - began
        with self.syncs.pop(pid) as sync:
            sync.recv(1)
        return took

    def remove(self, name, bundle):
        subprocess.run([self.runtime, "--root=" + self.root, "delete", "--force", name], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.rmtree(bundle)

    def close(self):
        self.watch.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        remove_empty_groups("gantry-floor")
