"""Podman and docker, when they can run a container on this machine."""
import subprocess

import docker_peer
import podman_peer


def reason_of(failure):
    """The last thing that a command said."""
    lines = (failure.stderr or failure.stdout or "").strip().splitlines()
    return f"{failure.cmd[0]} does not work here: {lines[-1] if lines else failure.returncode}"


def try_one(make):
    """The peer, which has started and removed one container; or why it cannot."""
    peer = None
    try:
        peer = make()
        handle = peer.prepare()
        peer.start(handle)
        peer.remove(handle)
        return peer, None
    except FileNotFoundError as missing:
        why = f"{missing.filename} is not installed"
    except docker_peer.Unavailable as missing:
        why = str(missing)
    except subprocess.CalledProcessError as failure:
        why = reason_of(failure)
    if peer is not None:
        peer.close()
    return None, why


def find(runtime, rootfs, say_missing):
    """By name; `say_missing` hears of the others."""
    found = {}
    for name, make in (("podman", lambda: podman_peer.Podman(runtime, rootfs)),
                       ("docker", lambda: docker_peer.Docker(rootfs))):
        peer, why = try_one(make)
        if peer is None:
            say_missing(name, why)
        else:
            found[name] = peer
    return found
