"""Every operation of a container x everybody who may die in it x every point of it.

    /usr/bin/python3 tests/integration/kill_matrix.py --kills 10000 [--seed S] [--runtime runc|crun]
        [--lanes 2] [--subjects 4] [--cgroups host|v1|v2] [--storage]

Operations are those of an operator (create ... remove), and what a container does by itself: the
restart policy's own run, the removal with --rm, the start of what it requires. The victims are the
worker, conmon, the OCI runtime in the middle of a call, the container's init, and the broker. The
points are before and after each step, each stage of a step, each call of the runtime (before it,
or some time within it), each commit of the journal, and at any time. What is hit least is chosen
next.

After each kill what has died is started again, the container comes to rest, and then the host is
held to the log: processes, control groups, mounts, directories, exit files, limits. At the end the
whole history is held to the promises (checker.py). Nothing here sleeps: it waits for records.

With --storage the lives are of images, volumes and containers of images (kill_storage.py).
"""
import argparse
import collections
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import threading
import time

import fleet
import nng
from containers import CONFIGURED, CREATED, EXITED, PAUSED, RUNNING, STOPPING
from fleet import BUILD_DIR, Client
from kill_rig import (LIVE, NOBODY, STUBBORN, Complaint, Lane, can_limit, children, kill, run_under_keeper,
                      start_of, words_of)

DONE, FAILED = 2, 3
VICTIMS = ["worker", "conmon", "runtime", "init", "broker"]
RANDOM, COMMIT = "any-time", "committed"
FAILURES_MAX = 5
NOBODY_MAX = 4  # tries after which a victim is taken to be never there at a point

# Operation -> (the command, its body, the states it begins in, the state it leads to).
GONE = None
OPERATIONS = {
    "create": ("create", None, {GONE}, CONFIGURED),
    "init": ("init", {}, {CONFIGURED, EXITED}, CREATED),
    "start": ("start", {}, {CONFIGURED, CREATED, EXITED}, RUNNING),
    "restart": ("restart", {"timeout_s": 1}, {CREATED, RUNNING, EXITED}, RUNNING),
    "stop": ("stop", {"timeout_s": 1}, {RUNNING}, EXITED),
    "stop-now": ("stop", {"timeout_s": 0}, {RUNNING, STOPPING}, EXITED),
    "kill": ("kill", {"signal": 9}, {RUNNING, PAUSED, STOPPING}, EXITED),
    "signal": ("kill", {"signal": 10}, {RUNNING}, RUNNING),
    "pause": ("pause", {}, {RUNNING}, PAUSED),
    "unpause": ("unpause", {}, {PAUSED}, RUNNING),
    "cleanup": ("cleanup", {}, {CREATED}, CONFIGURED),
    "rename": ("rename", None, {CONFIGURED, CREATED, RUNNING, PAUSED, EXITED}, "same"),
    "update": ("update", None, {CONFIGURED, EXITED}, "same"),
    "update-live": ("update", None, {CREATED, RUNNING, PAUSED}, "same"),
    "remove": ("remove", {}, {CONFIGURED, CREATED, EXITED}, GONE),
    "force-remove": ("remove", {"force": True, "timeout_s": 0},
                     {CONFIGURED, CREATED, RUNNING, PAUSED, EXITED, STOPPING}, GONE),
}
OWN_OPERATIONS = ["policy-run", "auto-remove", "start-required"]

# Of the lives in kill_storage.py.
ANY = {CONFIGURED, CREATED, RUNNING, PAUSED, EXITED}
STORAGE_OPERATIONS = {
    "mount": ("mount", {}, ANY, "same"),
    "unmount": ("unmount", {}, ANY, "same"),
    "commit": ("commit", None, ANY, "same"),
    "copy": ("copy", None, ANY, "same"),
    "remove-volumes": ("remove", {"force": True, "timeout_s": 0, "volumes": True},
                       ANY | {STOPPING}, GONE),
}
# Of no container, so that only the worker and the broker have to do with them.
ERRANDS = ["image.import", "image.tag", "image.untag", "image.remove", "volume.create",
           "volume.remove"]


class Matrix:
    """How often who was killed where; what to try next."""

    def __init__(self, seed, kills_max):
        self.random = random.Random(seed)
        self.kills_max = kills_max
        self.kills = 0
        self.seen = collections.defaultdict(set)  # operation -> its points
        self.hits = collections.Counter()         # (operation, victim, point)
        self.tries = collections.Counter()
        self.nobody = collections.Counter()
        self.lock = threading.Lock()

    def see(self, operation, point):
        self.seen[operation].add(point)

    def cells(self, operation):
        points = sorted(self.seen[operation]) + [RANDOM, COMMIT]
        for point in points:
            for victim in VICTIMS:
                cell = (operation, victim, point)
                if victim == "runtime" and not point.startswith("runtime:"):
                    continue
                if operation in ERRANDS and victim not in {"worker", "broker"}:
                    continue
                if self.hits[cell] == 0 and self.nobody[cell] >= NOBODY_MAX:
                    continue
                yield cell

    def choose(self, operation):
        with self.lock:
            cells = list(self.cells(operation))
            least = min(self.tries[cell] for cell in cells)
            cell = self.random.choice([one for one in cells if self.tries[one] == least])
            self.tries[cell] += 1
            return cell

    def tries_of(self, operation):
        return sum(count for cell, count in self.tries.items() if cell[0] == operation)

    def hit(self, cell, was_there):
        with self.lock:
            if was_there:
                self.hits[cell] += 1
                self.kills += 1
            else:
                self.nobody[cell] += 1

    def is_done(self):
        return self.kills >= self.kills_max


class Kill:
    """One that is to come; `commits` counts down to it when the point is a commit."""

    def __init__(self, cell, rng):
        self.cell = cell
        _, self.victim, self.point = cell
        self.commits = rng.randrange(1, 5)
        self.delay_ms = rng.choice([0, rng.randrange(0, 10), rng.randrange(0, 80)])
        self.is_over = False


class Subject(threading.Thread):
    """Lives of containers, one after the other, with a kill in each operation."""

    def __init__(self, lane, matrix, number, seed):
        super().__init__(daemon=True)
        self.lane = lane
        self.matrix = matrix
        self.number = number
        self.random = random.Random(f"{seed} {number}")
        self.client = Client(lane.url)
        self.plans = []
        self.operation = None
        self.killing = threading.Lock()
        self.later = []  # threads of kills that are on their way
        self.lives = 0
        self.forget()

    def forget(self):
        self.containers = []
        self.struck = []
        self.dead = set()       # inits and conmons that were killed, with their start times
        self.is_hit = False     # init, conmon or runtime was, in this operation
        self.is_doomed = False  # its init was killed while it was frozen, and dies when it thaws
        self.is_at_errand = False
        self.is_eager = False   # its policy makes it run again, once it ran
        self.is_auto_remove = False

    # --- killing; on the lane's thread of points

    def on_point(self, point):
        with self.killing:
            if self.operation is None:
                return
            self.matrix.see(self.operation, point.name)
            for plan in self.plans:
                if not plan.is_over and plan.point == point.name:
                    plan.is_over = True
                    self.strike_in_call(plan, point)

    def on_commit(self):
        with self.killing:
            for plan in self.plans if self.operation is not None else []:
                plan.commits -= plan.point == COMMIT
                if plan.commits == 0 and not plan.is_over:
                    plan.is_over = True
                    self.strike(plan, self.subject(), None)

    def subject(self):
        """Whom a kill is about: of an errand it is nobody."""
        return NOBODY if self.is_at_errand else self.containers[-1]

    def strike_in_call(self, plan, point):
        """In the middle of a runtime's call the kill comes some time after its beginning."""
        if point.pid is None or plan.delay_ms == 0:
            self.strike(plan, point.container, point)
            return
        descriptor = os.pidfd_open(point.pid)
        self.later.append(threading.Thread(target=self.strike_later,
                                           args=(plan, point, descriptor), daemon=True))
        self.later[-1].start()

    def strike_later(self, plan, point, descriptor):
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        has_ended = poller.poll(plan.delay_ms)
        if has_ended and plan.victim == "runtime":
            self.matrix.hit(plan.cell, False)
        else:
            self.strike(plan, point.container, point)
        os.close(descriptor)

    def strike(self, plan, container, point):
        was_there = getattr(self, f"kill_{plan.victim}")(container, point)
        self.struck.append(f"{time.time():.3f} {plan.cell} {was_there}")
        self.matrix.hit(plan.cell, was_there)

    def kill_worker(self, container, point):
        return self.lane.kill_worker()

    def kill_broker(self, container, point):
        self.lane.kill_broker()
        return True

    def kill_runtime(self, container, point):
        self.is_hit = True
        return container[:12] in words_of(point.pid) and kill(point.pid)

    def kill_conmon(self, container, point):
        pid = self.lane.monitor_of(container)
        if pid is None and point is not None and point.parent and \
                "conmon" in words_of(point.parent):
            pid = point.parent
        return self.kill_of_run(pid)

    def kill_init(self, container, point):
        pid = self.lane.init_of(container)
        if pid is None and point is not None and point.pid:
            pid = next(iter(children(point.pid)), None)
        return self.kill_of_run(pid)

    def kill_of_run(self, pid):
        if pid is None:
            return False
        self.is_hit = True
        self.dead.add((pid, start_of(pid)))
        return kill(pid)

    # --- living

    def run(self):
        while not self.matrix.is_done() and len(self.lane.failures) < FAILURES_MAX:
            self.forget()
            self.lives += 1
            try:
                self.live()
            except Exception as error:  # told at the end
                self.report(error)
                return
            self.lane.rest.wait_between()
        self.lane.rest.leave()

    def report(self, error):
        self.lane.fail(f"{type(error).__name__} in {self.operation}, subject {self.number}, "
                       f"kills {[(*one.cell, one.is_over) for one in self.plans]}, {error}\n"
                       + "\n".join(f"    {one}\n{self.lane.story(self.client, one)}"
                                   for one in self.containers)
                       + "\n" + "\n".join(line for one in self.containers
                                          for line in self.lane.words_about(one))
                       + "\n" + "\n".join(self.struck))
        self.lane.rest.leave()

    def new_container(self):
        container = f"{os.urandom(28).hex()}{self.number:02x}{self.lives & 0xffffff:06x}"
        self.lane.ids.append(container)
        self.lane.owners[container] = self
        self.containers.append(container)
        return container

    def live(self):
        kind = self.random.choices([self.live_plainly, self.live_by_policy, self.live_once,
                                    self.live_with_another], [70, 10, 10, 10])[0]
        kind()
        for container in reversed(self.containers):
            self.remove_for_certain(container)
        for container in self.containers:
            del self.lane.owners[container]

    def live_plainly(self):
        container = self.create(command=STUBBORN) if self.random.random() < 0.2 else self.create()
        for _ in range(self.random.randrange(4, 14)):
            row = self.lane.row(self.client, container)
            state = row["state"] if row else GONE
            if state is GONE:
                return
            allowed = [name for name, (_, _, states, _) in OPERATIONS.items() if state in states]
            if len(allowed) > 2:  # the end may come later
                allowed = [one for one in allowed if one not in {"remove", "force-remove"} or
                           self.random.random() < 0.3]
            few = min(self.random.sample(allowed, min(3, len(allowed))),
                      key=self.matrix.tries_of)
            self.do(few, container, state)

    def live_by_policy(self):
        container = self.create(restart_policy="always")
        self.is_eager = True
        row = self.do("start", container, CONFIGURED)
        for _ in range(self.random.randrange(1, 4)):
            if row["state"] == RUNNING:
                row = self.do_alone("policy-run", container, row)

    def live_once(self):
        container = self.create(auto_remove=True)
        self.is_auto_remove = True
        row = self.do("start", container, CONFIGURED)
        if row is not None and row["state"] == RUNNING:
            self.do_alone("auto-remove", container, row)

    def live_with_another(self):
        base = self.create()
        above = self.create(requires=[base])
        self.do("start", above, CONFIGURED, name="start-required")
        self.settle(base)

    def create(self, **fields):
        container = self.new_container()
        config = self.lane.config(container, **fields)
        row = self.do("create", container, GONE, body={"config": config})
        if row is None:
            raise Complaint("it was created, and is not there")
        return container

    # --- doing

    def arm(self, operation):
        self.is_hit = self.is_doomed
        self.plans = [Kill(self.matrix.choose(operation), self.random)
                      for _ in range(self.random.choice([1, 1, 1, 2, 2, 3]))]
        self.kills_before = dict(self.lane.kills)
        self.operation = operation

    def do(self, key, container, before, name=None, body=None):
        command, usual, _, after = {**OPERATIONS, **STORAGE_OPERATIONS}[key]
        self.arm(name or key)
        identity = self.lane.say(self.client, self.number + 16, command, container,
                                 next(one for one in [body, usual, self.body_of(key)]
                                      if one is not None))
        for plan in self.plans:
            if plan.point == RANDOM:
                self.strike_at_random(plan, container, identity)
        outcome = self.lane.outcome(self.client, identity)
        row = self.settle(container, outcome)
        if self.disarm():
            row = self.settle(container, outcome)
        self.judge(key, outcome, row, before if after == "same" else after)
        return row

    def disarm(self):
        """Whether somebody was killed. It may have been after the outcome; a kill that is still on
        its way is waited for."""
        with self.killing:
            was_killed = any(plan.is_over for plan in self.plans)
            self.operation = None
        while self.later:
            self.later.pop().join()
        return was_killed

    def body_of(self, key):
        if key == "rename":
            return {"name": f"n{os.urandom(8).hex()}"}
        if not can_limit():
            return {"restart_policy": "no"}
        return {"pids_limit": self.random.randrange(50, 500),
                "cpu_shares": self.random.randrange(100, 2000)}

    def strike_at_random(self, plan, container, identity):
        wait_ms = self.random.choice([1, 10, 50, 150])
        self.lane.outcome(self.client, identity, wait_ms=self.random.randrange(1, wait_ms + 1))
        plan.is_over = True
        self.strike(plan, container, None)

    def do_alone(self, operation, container, row):
        """What the container does by itself when its init has ended."""
        self.arm(operation)
        self.kill_of_run(row["pid"])
        self.is_hit = False
        for plan in self.plans:
            if plan.point == RANDOM:
                plan.is_over = True
                self.strike(plan, container, None)
        row = self.settle(container)
        if self.disarm():
            row = self.settle(container)
        self.lane.check_container(container, row)
        return row

    def settle(self, container, outcome=None):
        """The row of the container when it does nothing by itself any more."""
        has_failed = outcome is not None and outcome["state"] != DONE

        def is_settled(row):
            if row is None:
                return True
            state = row["state"]
            if state in LIVE and self.dead & {(row["conmon_pid"], row["conmon_started"])}:
                return False
            if state in LIVE and self.is_init_dead(row):
                # One that died before it was frozen is dead, and that is still to be told.
                return (state == PAUSED and is_frozen_for_kills(container)
                        and words_of(row["pid"]) != "")
            if state == STOPPING:
                return has_failed
            if self.is_eager and not has_failed and state not in {RUNNING, CONFIGURED}:
                return False
            if self.is_auto_remove and (state == EXITED or (state == CONFIGURED and has_failed)):
                return False
            return state in {CONFIGURED, CREATED, RUNNING, PAUSED, EXITED}

        row = self.lane.wait_for(self.client, container, is_settled)
        self.is_doomed = row is not None and row["state"] == PAUSED and self.is_init_dead(row)
        return row

    def is_init_dead(self, row):
        return (row["pid"], row["pid_started"]) in self.dead

    def judge(self, key, outcome, row, after):
        was_worker_killed = self.lane.kills["worker"] != self.kills_before["worker"]
        state = row["state"] if row else GONE
        container = self.containers[-1] if row is None else row["id"]
        self.lane.check_container(container, row)
        if self.is_hit or (key == "signal" and was_worker_killed):
            return
        if outcome["state"] != DONE:
            raise Complaint(f"it failed, and only who comes again was killed: {outcome}")
        if key == "cleanup" and was_worker_killed and state == EXITED:
            return  # the next worker saw init's end and not who had ended it
        if state != after and not (self.is_auto_remove and state is GONE):
            raise Complaint(f"it is {state}, and should be {after}")

    def remove_for_certain(self, container):
        """The last kill; then, when that has made it fail, without one."""
        while (row := self.lane.row(self.client, container)) is not None:
            self.do("force-remove", container, row["state"])
        self.lane.check_gone(container)


def is_frozen_for_kills(container):
    """A frozen process of cgroup v1 dies of SIGKILL only when it is thawed."""
    try:
        with open(f"/sys/fs/cgroup/freezer/gantry/{container}/freezer.state") as state:
            return state.read().strip() == "FROZEN"
    except FileNotFoundError:
        return False


class Rest:
    """Where subjects meet between their lives when everything is to be looked at."""

    def __init__(self, lane, count, every):
        self.lane = lane
        self.count = count
        self.every = every
        self.lives = 0
        self.waiting = 0
        self.round = 0
        self.condition = threading.Condition()

    def wait_between(self):
        with self.condition:
            self.lives += 1
            if self.lives < self.every:
                return
            self.waiting += 1
            now = self.round
            self.look_if_all_wait()
            self.condition.wait_for(lambda: self.round != now)

    def leave(self):
        with self.condition:
            self.count -= 1
            self.look_if_all_wait()

    def look_if_all_wait(self):
        if self.waiting < self.count or self.waiting == 0:
            return
        try:
            if not self.lane.failures:
                self.lane.check_everything()
        except Exception as error:  # told at the end
            self.lane.fail(f"between lives: {type(error).__name__}: {error}")
        self.lives = self.waiting = 0
        self.round += 1
        self.condition.notify_all()


def run_lane(number, options, result_path):
    """One lane, from beginning to end, in a process of its own."""
    def on_term(*_):
        raise Complaint("the test was ended")

    signal.signal(signal.SIGTERM, on_term)
    seed = f"{options.seed} lane {number}"
    lane = Lane(tempfile.mkdtemp(prefix="gantry-kill-", dir="/tmp"), options.runtime)
    os.chmod(lane.directory, 0o711)  # root of a container with a user namespace has to pass
    matrix = Matrix(seed, options.kills // options.lanes)
    subjects, records = [], 0
    try:
        lane.begin()
        lane.rest = Rest(lane, options.subjects, options.every)
        kind = options.subject or Subject
        subjects = [kind(lane, matrix, index, seed) for index in range(options.subjects)]
        for subject in subjects:
            subject.start()
        for subject in subjects:
            while subject.is_alive():
                subject.join(10)
                if options.progress:
                    print(f"lane {number}: {matrix.kills} kills, {len(lane.failures)} failures",
                          flush=True)
        if not lane.failures:
            records = lane.finish()
    except Exception as error:  # told by the first process
        lane.fail(f"{type(error).__name__}: {error}\n" + "\n".join(lane.worker.lines[-20:]))
    if not (options.keep and lane.failures):
        lane.destroy()
    with open(result_path, "w") as file:
        json.dump({"failures": lane.failures, "records": records,
                   "lives": sum(subject.lives for subject in subjects),
                   "hits": [[*cell, count] for cell, count in matrix.hits.items()],
                   "missed": [[*cell] for operation in list(matrix.seen)
                              for cell in matrix.cells(operation) if not matrix.hits[cell]]}, file)
    nng.leave(1 if lane.failures else 0)


def run(options):
    """Every lane; (hits, lives, records, failures, seconds)."""
    directory = tempfile.mkdtemp(prefix="gantry-kill-results-")
    begin = time.monotonic()
    keepers = {}
    for number in range(options.lanes):
        path = os.path.join(directory, str(number))
        keepers[run_under_keeper(run_lane, number, options, path)] = path
    hits, failures, lives, records = collections.Counter(), [], 0, 0
    for keeper, path in keepers.items():
        _, status = os.waitpid(keeper, 0)
        if not os.path.exists(path):
            failures.append(f"a lane ended with {status} and no result")
            continue
        with open(path) as file:
            result = json.load(file)
        failures += result["failures"]
        lives += result["lives"]
        records += result["records"]
        for *cell, count in result["hits"]:
            hits[tuple(cell)] += count
    shutil.rmtree(directory)
    return hits, lives, records, failures, time.monotonic() - begin


def print_table(hits, is_long):
    every = [*OPERATIONS, *OWN_OPERATIONS, *STORAGE_OPERATIONS, *ERRANDS]
    operations = [one for one in every if any(c[0] == one for c in hits)]
    print(f"{'operation':16}" + "".join(f"{victim:>9}" for victim in VICTIMS) + "   points")
    for operation in operations:
        counts = [sum(n for cell, n in hits.items() if cell[:2] == (operation, victim))
                  for victim in VICTIMS]
        points = len({cell[2] for cell in hits if cell[0] == operation})
        print(f"{operation:16}" + "".join(f"{count:9}" for count in counts) + f"{points:9}")
    if is_long:
        for operation in operations:
            print(f"\n{operation}")
            for point in sorted({cell[2] for cell in hits if cell[0] == operation}):
                counts = " ".join(f"{victim}={hits[operation, victim, point]}"
                                  for victim in VICTIMS if hits[operation, victim, point])
                print(f"    {point:28} {counts}")


def with_cgroups(layout):
    """Begin again on a host with other control groups."""
    here = os.path.dirname(os.path.abspath(__file__))
    words = [word for word in sys.argv[1:] if word not in {"--cgroups", layout}]
    program = os.path.join(here, "../support/with_cgroups")
    os.execv(program, [program, layout, sys.executable, os.path.abspath(sys.argv[0]), *words])


def storage_subject(*words):
    from kill_storage import StorageSubject  # which builds on this file
    return StorageSubject(*words)


def parse(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--runtime", choices=["runc", "crun"], default="runc")
    parser.add_argument("--lanes", type=int, default=2, help="brokers with a worker, side by side")
    parser.add_argument("--subjects", type=int, default=4, help="containers at once in each lane")
    parser.add_argument("--every", type=int, default=40, help="lives between looks at everything")
    parser.add_argument("--cgroups", choices=["host", "v1", "v2"], default="host")
    parser.add_argument("--deadline", type=int, default=600, help="seconds for all that must come")
    parser.add_argument("--storage", dest="subject", action="store_const", const=storage_subject,
                        help="lives of images and volumes")
    parser.add_argument("--keep", action="store_true", help="leave what failed as it is")
    parser.add_argument("--progress", action="store_true")
    return parser.parse_args(words)


def main():
    options = parse(sys.argv[1:])
    fleet.DEADLINE = options.deadline
    if options.cgroups != "host":
        with_cgroups(options.cgroups)
    print(f"seed {options.seed}, {options.runtime}, {BUILD_DIR}", flush=True)
    hits, lives, records, failures, seconds = run(options)
    print_table(hits, options.progress)
    kills = sum(hits.values())
    print(f"{kills} kills in {seconds:.0f} s ({kills / seconds:.1f} a second), {lives} lives, "
          f"{records} records, {len(hits)} cells, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    nng.leave(main())
