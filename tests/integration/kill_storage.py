"""Lives of images, volumes and containers of images, for kill_matrix.py --storage.

A life begins with an archive and ends with nothing: an image is imported and tagged, a volume is
made, a container of the image has that volume and an anonymous one, in half of the lives also a user
namespace, is run, looked at and committed, and everything is removed again, with a kill in each of
these. What several lives have at once lies in the same store: their images share their layer.
"""
import os
import tarfile
import time

from containers import CONFIGURED
from kill_matrix import DONE, GONE, OPERATIONS, RANDOM, STORAGE_OPERATIONS, Subject
from kill_rig import NOBODY, SLEEPER, Complaint

RUN_OPERATIONS = ["init", "start", "restart", "stop", "stop-now", "kill", "pause", "unpause",
                  "cleanup"]
MAP = "0:100000:65536"
CHANGES = ["VOLUME=/anonymous", "ENV=PATH=/bin"]
WRITER = "echo x >> /volume/mark; echo x >> /anonymous/mark; echo x >> /mark; " + SLEEPER


def archive_of(lane):
    """The lane's root filesystem, once."""
    path = os.path.join(lane.directory, f"rootfs.{time.monotonic_ns()}.tar")
    with tarfile.open(path, "w") as archive:
        archive.add(lane.rootfs, arcname=".", filter=lambda entry: None if "marks/" in entry.name
                    else entry)
    return path


def put_upload(lane, name):
    """An archive as a console would have sent it."""
    with tarfile.open(f"{lane.state}/storage/uploads/{name}", "w") as archive:
        archive.add(f"{lane.rootfs}/proc", arcname="directory")
        archive.add(f"{lane.rootfs}/bin/sh", arcname="directory/file")


class StorageSubject(Subject):

    def __init__(self, lane, matrix, number, seed):
        super().__init__(lane, matrix, number, seed)
        self.archive = archive_of(lane)

    def forget(self):
        super().forget()
        self.images = []   # ids that the life has to get rid of
        self.anonymous = []
        self.copies = 0
        self.mark = None   # a file in the volume, once it was seen

    # --- what is done to no container

    def errand(self, kind, **body):
        """It succeeds, whoever dies: who is killed there comes again."""
        self.is_at_errand = True
        self.lane.at_errands.add(self)
        self.arm(kind)
        identity = self.lane.say(self.client, self.number + 16, kind, None, body)
        for plan in self.plans:
            if plan.point == RANDOM:
                self.strike_at_random(plan, NOBODY, identity)
        outcome = self.lane.outcome(self.client, identity)
        self.disarm()
        self.lane.at_errands.discard(self)
        self.is_at_errand = False
        if outcome["state"] != DONE:
            raise Complaint(f"{kind} failed: {outcome}")
        return outcome["results"]

    def name(self):
        return f"localhost/s{self.number}-{self.lives}"

    def volume(self):
        return f"v{self.number}-{self.lives}"

    def stock(self, table, noun, key):
        return {row[noun][key]: row[noun]
                for row in self.lane.ask(self.client, "query", table=table).get("rows", [])}

    def check_names(self, image, *names):
        """Of no other image are there so many that a page would not hold them."""
        found = self.stock("images", "image", "id").get(image)
        wanted = sorted(f"{name}:latest" for name in names)
        if found is None or sorted(found.get("names") or []) != wanted:
            raise Complaint(f"image {image} should be called {wanted}: {found}")

    # --- living

    def live(self):
        image, = self.errand("image.import", path=self.archive, reference=self.name(),
                             changes=CHANGES)
        self.images.append(image)
        self.check_names(image, self.name())
        if self.random.random() < 0.3:
            self.errand("image.tag", image=image, names=[self.name() + "-too"])
            self.check_names(image, self.name(), self.name() + "-too")
            self.errand("image.untag", image=image, names=[self.name() + "-too"])
            self.check_names(image, self.name())
        volume = self.volume()
        self.errand("volume.create", volume={"name": volume})
        if self.random.random() < 0.8:
            self.live_in_container(image, volume)
        self.check_volume(volume)
        self.errand("volume.remove", name=volume)
        for one in self.images:
            self.errand("image.remove", image=one)
        left = [one for one in self.images if one in self.stock("images", "image", "id")]
        if left or volume in self.stock("volumes", "volume", "name"):
            raise Complaint(f"they were removed: {left}, {volume}")

    def live_in_container(self, image, volume):
        container = self.new_container()
        config = self.lane.config(container, command=WRITER, image=image, pull="never", mounts=[
            {"type": "volume", "source": volume, "destination": "/volume"},
            {"type": "bind", "source": f"{self.lane.rootfs}/marks", "destination": "/marks"}])
        del config["rootfs"]
        if self.random.random() < 0.5:
            config.update(uid_map=[MAP], gid_map=[MAP])
            config["mounts"][1]["options"] = ["idmap"]
        row = self.do("create", container, GONE, body={"config": config})
        if row is None:
            raise Complaint("it was created, and is not there")
        self.anonymous = [mount["source"] for mount in row["config"]["mounts"]
                          if mount["destination"] == "/anonymous"]
        for _ in range(self.random.randrange(2, 7)):
            row = self.lane.row(self.client, container)
            self.do(self.choose(row["state"]), container, row["state"])
        while (row := self.lane.row(self.client, container)) is not None:
            self.do("remove-volumes", container, row["state"])
        self.check_removed(container)

    def choose(self, state):
        every = {**OPERATIONS, **STORAGE_OPERATIONS}
        allowed = [name for name in [*RUN_OPERATIONS, "mount", "unmount", "commit", "copy"]
                   if state in every[name][2]]
        if state == CONFIGURED and self.random.random() < 0.5:
            return "start"
        return min(self.random.sample(allowed, min(3, len(allowed))), key=self.matrix.tries_of)

    def body_of(self, key):
        if key == "commit":
            return {"reference": f"{self.name()}-commit{len(self.images)}"}
        if key == "copy":
            self.copies += 1
            name = f"{self.name().rpartition('/')[2]}-{self.copies}"
            put_upload(self.lane, name)
            return {"upload": name, "path": f"/volume/copy{self.copies}"}
        return super().body_of(key)

    def judge(self, key, outcome, row, after):
        container = self.containers[-1]
        if outcome["state"] == DONE:
            if key == "mount":
                self.lane.held.add(container)
            elif key in {"unmount", "remove-volumes"}:
                self.lane.held.discard(container)
            elif key == "commit":
                self.images.append(outcome["results"][0])
        mark = f"{self.lane.state}/volumes/{self.volume()}/_data/mark"
        if os.path.exists(mark):
            self.mark = mark
        if key == "copy":
            self.judge_copy(outcome)
        if key != "copy" or outcome["state"] == DONE:
            super().judge(key, outcome, row, after)

    # --- held to the log

    def judge_copy(self, outcome):
        """An upload that no command wanted yet when the worker was killed is there for it all the same."""
        copy = f"{self.lane.state}/volumes/{self.volume()}/_data/copy{self.copies}"
        if outcome["state"] == DONE and os.listdir(copy) != ["file"]:
            raise Complaint(f"the copy has {os.listdir(copy)}")
        if outcome["state"] != DONE:
            raise Complaint(f"the copy failed: {outcome}")

    def check_removed(self, container):
        self.lane.check_gone(container)
        del self.lane.owners[container]
        known = self.stock("volumes", "volume", "name")
        for name in self.anonymous:
            if name in known or os.path.exists(f"{self.lane.state}/volumes/{name}"):
                raise Complaint(f"the anonymous volume {name} should be gone")
        if len(self.anonymous) != 1:
            raise Complaint(f"anonymous volumes were {self.anonymous}")

    def check_volume(self, name):
        data = f"{self.lane.state}/volumes/{name}/_data"
        if not os.path.isdir(data) or name not in self.stock("volumes", "volume", "name"):
            raise Complaint(f"volume {name} is not there")
        if self.mark and not os.path.exists(self.mark):
            raise Complaint(f"what was written to volume {name} is not there")
        if self.mark and os.stat(self.mark).st_uid != 0:
            raise Complaint(f"volume {name} has a number of the host in it")
