"""The figures of the suite: what each one is called, what it stands beside, and what is wanted.

A figure's `floor` is the peer whose median the others are divided by. A mark bounds one statistic of
Gantry's samples: by a number, or by `times` a peer's median and `plus` something.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Mark:
    said: str
    statistic: str  # median or p99
    is_upper: bool
    plus: float = 0
    times: float = 0
    beside: str = None  # the peer that `times` is about

    def value(self, peers):
        """None when the peer was not measured."""
        if self.beside is None:
            return self.plus
        if self.beside not in peers:
            return None
        return peers[self.beside]["median"] * self.times + self.plus


def at_most(said, statistic, plus, times=0, beside=None):
    return Mark(said, statistic, True, plus, times, beside)


def at_least(said, statistic, plus, times=0, beside=None):
    return Mark(said, statistic, False, plus, times, beside)


@dataclasses.dataclass(frozen=True)
class Figure:
    name: str
    title: str
    floor: str = None
    marks: tuple = ()
    x: str = None  # of a curve: what grows
    decimals: int = 1


FIGURES = [
    Figure("start", "one container, from command to running", "floor",
           (at_most("the floor + 6 ms", "median", 6, 1, "floor"), at_most("75 ms", "p99", 75))),
    Figure("exit", "one container, from the end of its process to whoever follows", "floor"),
    Figure("start-rate", "a crowd of starts, 64 under way at most", "floor",
           (at_least("90 % of the floor", "median", 0, 0.9, "floor"),), decimals=2),
    Figure("start-cpu", "the worker's own processor time for a start in a crowd"),
    Figure("crowd-exit", "exit in a crowd, to the durable event at a subscriber (floor: to the exit file)", "floor",
           (at_most("4 ms", "median", 4), at_most("12 ms", "p99", 12))),
    Figure("idle-memory", "broker and worker without containers, PSS",
           marks=(at_most("6 MiB", "median", 6),), decimals=2),
    Figure("container-memory", "one container of a crowd, all in",
           marks=(at_most("1.2 MiB", "median", 1.2),), decimals=3),
    Figure("idle-cpu", "processor time of broker and worker with an idle crowd",
           marks=(at_most("1 % of a core", "median", 1),), decimals=2),
    Figure("adoption", "a killed worker, from its start to the first command carried out"),
    Figure("command-rate", "durable commands, 64 controllers with one request under way each", "floor",
           (at_least("40,000/s", "median", 40000),), decimals=0),
    Figure("command-p99", "submit to acknowledgement, 64 controllers: p99 of each round", "floor",
           (at_most("3 ms", "median", 3),), decimals=2),
    Figure("command-rate-tls", "durable commands, 64 controllers, mutual TLS", "floor",
           (at_least("33,000/s", "median", 33000),), decimals=0),
    Figure("command-p99-tls", "submit to acknowledgement, 64 controllers, mutual TLS: p99 of each round", "floor",
           (at_most("3 ms", "median", 3),), decimals=2),
    Figure("create-rate", "durable commands that create containers, 64 controllers", decimals=0),
    Figure("event-rate", "durable events of 64 workers, 100 in each report", "floor",
           (at_least("400,000/s", "median", 400000),), decimals=0),
    Figure("single-producer", "one producer, one command under way: p50 of each round", "fdatasync",
           (at_most("2.5 x a raw fdatasync", "median", 0, 2.5, "fdatasync"),), decimals=3),
    Figure("event-one", "events of 50 producers, acknowledged one by one", "Gantry", decimals=0),
    Figure("event-hundred", "events of 50 producers, acknowledged by the hundred", "Gantry", decimals=0),
    Figure("load-rate", "commands delivered in a fleet of 1,000 workers and 100,000 containers",
           marks=(at_least("5,000/s", "median", 5000),), decimals=0),
    Figure("load-delivery", "submit to delivery in that fleet, p99",
           marks=(at_most("50 ms", "median", 50),)),
    Figure("load-memory", "the broker's own memory with that fleet", marks=(at_most("150 MiB", "median", 150),)),
    Figure("idle-worker", "an idle worker in the broker's memory",
           marks=(at_most("2 KB", "median", 2),), decimals=2),
    Figure("all-back", "all workers connected and greeted after a restart of the broker",
           marks=(at_most("10 s", "median", 10),), decimals=2),
    Figure("first-command", "start of the broker to the first accepted command",
           marks=(at_most("15 ms", "median", 15),)),
    Figure("first-command-large", "start of the broker to the first accepted command, large log", "Gantry, small log",
           marks=(at_most("15 ms", "median", 15),)),
    Figure("worker-first", "start of a worker to the first command carried out",
           marks=(at_most("15 ms", "median", 15),)),
    Figure("console-start", "gantry version, from exec to exit", "true",
           (at_most("15 ms", "median", 15),), decimals=2),
    Figure("console-ask", "gantry hosts, from exec to exit",
           marks=(at_most("15 ms", "median", 15),), decimals=2),
    Figure("ps", "gantry ps -a of 10,000 containers", marks=(at_most("30 ms", "median", 30),)),
    Figure("history-ps", "gantry ps --at, 1,000 containers, at random positions of a log of 10 M records",
           marks=(at_most("50 ms", "p99", 50),)),
    Figure("history-inspect", "gantry inspect --at NAME, the same",
           marks=(at_most("50 ms", "p99", 50),)),
    Figure("history-inspect-id", "gantry inspect --at ID, the same",
           marks=(at_most("50 ms", "p99", 50),)),
    Figure("history-diff", "gantry diff --from --to, the same", marks=(at_most("50 ms", "p99", 50),)),
    Figure("history-now", "gantry ps -a of now, beside them"),
    Figure("history-bus", "the requests of ps --at alone, from Python", decimals=2),
    Figure("ps-by-containers", "gantry ps -a", x="containers", marks=(at_most("30 ms", "median", 30),)),
    Figure("memory-by-containers", "the broker's own memory", x="containers", decimals=2),
    Figure("worker-memory-by-containers", "memory of a worker with running containers, PSS",
           x="containers", decimals=2),
    Figure("command-cost-by-workers", "the broker's processor time for a command with its events",
           x="workers"),
    Figure("delivery-by-workers", "submit to delivery at the worker", x="workers"),
    Figure("start-by-records", "start of the broker to the first accepted command", x="records",
           marks=(at_most("15 ms", "median", 15),)),
    Figure("feed-by-subscribers", "submit to the feed, at all subscribers", x="subscribers"),
    Figure("image-create", "a container of an image of five layers, created by a command", "podman"),
    Figure("image-load", "an image loaded from a plain archive", "podman"),
    Figure("image-crowd", "containers of an image created one after the other (bus: a tenth at once)", "podman"),
    Figure("sizes", "ps -a -s of these containers, a tenth of them written to", "podman"),
]
BY_NAME = {figure.name: figure for figure in FIGURES}

# What is drawn: a file for each row, its panels side by side; small numbers of figures with one unit
# share a scale.
PLOTS = {
    "containers": ["start", "exit", "crowd-exit"],
    "crowd": ["start-rate", "container-memory", "idle-memory"],
    "durable": ["command-rate", "command-rate-tls", "event-rate"],
    "latency": ["command-p99", "command-p99-tls", "single-producer"],
    "brokers": ["event-one", "event-hundred"],
    "storage": ["image-create", "image-load", "image-crowd", "sizes"],
    "processes": ["first-command-large", "worker-first", "console-start", "console-ask"],
    "growth-containers": ["ps-by-containers", "memory-by-containers", "worker-memory-by-containers"],
    "growth-fleet": ["command-cost-by-workers", "delivery-by-workers"],
    "growth-log": ["start-by-records", "feed-by-subscribers"],
}
