"""States of brokers with logs of some size, made once by big_log and kept in build/bench-logs."""
import os
import shutil
import subprocess

import fleet

HOSTS = 50
RECORDS_OF_CREATE, RECORDS_OF_LIFE = 3, 6
KEPT = os.path.join(os.path.dirname(fleet.BUILD_DIR), "bench-logs")


def container(number):
    """As big_log names them."""
    return f"{number * 2654435761 % 2**32:064x}"


def host(number):
    return f"host{number % HOSTS:03d}"


def make(directory, records, containers):
    subprocess.run([os.path.join(fleet.BUILD_DIR, "tests/big_log"), directory, str(records), str(HOSTS),
                    str(containers)], check=True, stdout=subprocess.DEVNULL)
    rebuild = subprocess.run([os.path.join(fleet.BUILD_DIR, "gantry-broker"), "--state", directory, "--rebuild"],
                             check=False, capture_output=True, text=True)
    if rebuild.returncode != 0:
        raise RuntimeError(f"{directory}: {rebuild.stderr}")


def directory_of(records, containers):
    """A state that may be used, and used again: what is said to it stays."""
    path = os.path.join(KEPT, f"{records}-{containers}")
    if not os.path.exists(path):
        os.makedirs(KEPT, exist_ok=True)
        shutil.rmtree(path + ".new", ignore_errors=True)
        make(path + ".new", records, containers)
        os.rename(path + ".new", path)
    return path


def of_containers(containers):
    """Each created, and started and ended once."""
    return HOSTS + containers * (RECORDS_OF_CREATE + RECORDS_OF_LIFE)
