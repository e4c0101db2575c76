"""Files that a console sends to a host: whole on its disk, or nothing of them."""
import io
import os
import tarfile
import time

from containers import HOST, ContainerTest
from fleet import DEADLINE, Client, command_id, main


class Uploads(ContainerTest):
    def setUp(self):
        super().setUp()
        self.worker = self.start_worker()
        self.uploads = os.path.join(self.worker_state, "storage/uploads")

    def open(self, upload):
        answer = self.client.ask("stream.open", host=HOST, kind="upload", upload=upload)
        self.assertEqual(answer.kind, "stream.opened", answer)
        return answer["stream"]

    def push(self, stream, sequence, data, **fields):
        chunks = [{"channel": 1, "data": data}] if data else []
        answer = self.client.ask("stream.push", stream=stream, sequence=sequence, chunks=chunks,
                                 **fields)
        self.assertEqual(answer.kind, "stream.credit", answer)
        return answer

    def content(self, upload):
        with open(os.path.join(self.uploads, upload), "rb") as file:
            return file.read()

    def after_another(self):
        """What is there when the worker has taken one more upload to its end."""
        self.assertFalse(self.push(self.open("last"), 1, b"", end=True).get("closed"))
        return sorted(os.listdir(self.uploads))

    def test_an_upload_is_whole_when_its_last_push_is_answered(self):
        stream = self.open("u-1")
        parts = [os.urandom(size) for size in (1, 100_000, 262_144, 7)]
        for sequence, part in enumerate(parts, 1):
            answer = self.push(stream, sequence, part, end=sequence == len(parts))
            self.assertFalse(answer.get("closed"), answer)
        self.assertEqual(self.content("u-1"), b"".join(parts))
        self.assertEqual(os.listdir(self.uploads), ["u-1"])
        self.client.ask("stream.close", stream=stream)

    def test_an_upload_may_be_empty(self):
        self.assertFalse(self.push(self.open("u-2"), 1, b"", end=True).get("closed"))
        self.assertEqual(self.content("u-2"), b"")

    def test_an_upload_that_is_given_up_leaves_nothing(self):
        stream = self.open("u-3")
        self.push(stream, 1, b"one")
        pushed = self.push(stream, 2, b"two")
        self.assertFalse(pushed.get("closed"), pushed)
        self.client.ask("stream.close", stream=stream)
        deadline = time.monotonic() + DEADLINE
        while self.after_another() != ["last"]:
            self.assertLess(time.monotonic(), deadline, "it is still there")

    def test_a_worker_that_was_killed_forgets_what_was_not_whole(self):
        stream = self.open("u-4")
        self.push(stream, 1, b"one")
        self.push(stream, 2, b"two")
        self.worker.kill()
        self.assertIn("u-4.part", os.listdir(self.uploads))
        self.start_worker()
        self.assertIn("started again", self.push(stream, 3, b"three")["failure"])
        self.assertEqual(os.listdir(self.uploads), [])

    def test_an_upload_outlives_the_worker_and_waits_for_its_command(self):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as archive:
            archive.add(self.rootfs, arcname=".")
        stream = self.open("u-6")
        parts = range(0, len(data.getvalue()), 200_000)
        for sequence, at in enumerate(parts, 1):
            answer = self.push(stream, sequence, data.getvalue()[at:at + 200_000],
                               end=sequence == len(parts))
            self.assertFalse(answer.get("closed"), answer)
        self.worker.kill()
        identity = command_id(0x7E57, 1)  # accepted while there is no worker
        self.client.submit(type="image.import", host=HOST, container=None, id=identity,
                           body={"upload": "u-6", "reference": "web"})
        self.start_worker()
        row = self.outcome(identity)
        self.assertEqual(row["state"], 2, row)
        self.assertEqual(os.listdir(self.uploads), [])

    def test_an_upload_whose_command_has_ended_goes_at_the_start(self):
        """Its worker died between the outcome and the removal."""
        for upload in ["taken", "waiting"]:
            self.assertFalse(self.push(self.open(upload), 1, b"x", end=True).get("closed"))
        os.setxattr(os.path.join(self.uploads, "taken"), "trusted.gantry.taken", b"")
        self.worker.kill()
        self.start_worker()
        self.assertEqual(os.listdir(self.uploads), ["waiting"])

    def test_an_upload_that_no_command_came_for_in_a_day_goes(self):
        day_ago = time.time() - 100_000
        for upload in ["young", "old"]:
            self.assertFalse(self.push(self.open(upload), 1, b"x", end=True).get("closed"))
        os.utime(os.path.join(self.uploads, "old"), (day_ago, day_ago))
        self.worker.kill()
        self.start_worker()
        self.assertEqual(os.listdir(self.uploads), ["young"])
        self.assertFalse(self.push(self.open("old"), 1, b"x", end=True).get("closed"))
        os.utime(os.path.join(self.uploads, "old"), (day_ago, day_ago))
        deadline = time.monotonic() + DEADLINE
        while self.after_another() != ["last", "young"]:
            self.assertLess(time.monotonic(), deadline, "it is still there")

    def test_the_console_hears_what_the_disk_says(self):
        os.mkdir(os.path.join(self.uploads, "u-5.part"))
        answer = self.push(self.open("u-5"), 1, b"one")
        self.assertTrue(answer["closed"])
        self.assertIn("u-5: File exists", answer["failure"])
        os.rmdir(os.path.join(self.uploads, "u-5.part"))

    def test_several_uploads_go_on_side_by_side(self):
        streams = [self.open(f"v-{number}") for number in range(4)]
        for sequence in range(1, 5):
            for stream in streams:
                answer = Client(self.broker_url).ask(
                    "stream.push", stream=stream, sequence=sequence, end=sequence == 4,
                    chunks=[{"channel": 1, "data": b"%d" % stream}])
                self.assertFalse(answer.get("closed"), answer)
        for number, stream in enumerate(streams):
            self.assertEqual(self.content(f"v-{number}"), b"%d" % stream * 4)


if __name__ == "__main__":
    main()
