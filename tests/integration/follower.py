"""A subscriber with a cursor, as a process of its own that may be stopped and killed anywhere:

    follower.py watch FILE URL FILTER        the log by its cursor; FILTER in JSON
    follower.py feed FILE URL FEED_URL       the feed, its gaps filled by fetch

It keeps what it has seen and how far it has come together, in one entry of FILE for each page; an
entry that was torn by a kill never was. read() gives the entries back.
"""
import json
import os
import signal
import struct
import sys
import zlib

import msgpack

import nng
from fleet import Client, decode_frame, read_record

HEAD = struct.Struct(">II")  # size and checksum of what follows
PATIENCE = 3  # seconds for an answer that need not wait
WAIT_MS = 2000


def read(path):
    """Each whole entry, and where the last of them ends."""
    entries, end = [], 0
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return entries, end
    while end + HEAD.size <= len(data):
        size, checksum = HEAD.unpack_from(data, end)
        payload = data[end + HEAD.size:end + HEAD.size + size]
        if len(payload) < size or zlib.crc32(payload) != checksum:
            break
        entries.append(msgpack.unpackb(payload, strict_map_key=False))
        end += HEAD.size + size
    return entries, end


class Notebook:
    """What is kept: entries [cursor, records]."""

    def __init__(self, path):
        self.entries, end = read(path)
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)

    def keep(self, cursor, records):
        payload = msgpack.packb([cursor, records])
        entry = HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        while entry:
            entry = entry[os.write(self._file, entry):]


def ask(client, request, /, **body):
    """The answer to what may be asked again and again."""
    while True:
        try:
            answer = client.ask(request, timeout=PATIENCE + body.get("wait_ms", 0) / 1000, **body)
        except nng.NngTimeout:
            continue
        if answer.kind == "error" and answer["code"] == "busy":
            continue
        if answer.kind == "error":
            raise SystemExit(f"{request}: {answer}")
        return answer


def watch(notebook, url, filters):
    client = Client(url)
    cursor = notebook.entries[-1][0] if notebook.entries else 0
    while True:
        page = ask(client, "watch", cursor=cursor, wait_ms=WAIT_MS, **filters)
        if page.get("cursor", 0) == cursor:
            continue
        cursor = page["cursor"]
        notebook.keep(cursor, page.get("records", []))


class Feed:
    """The last position of each stream, and the next record of each."""

    def __init__(self, notebook, url):
        self.notebook = notebook
        self.client = Client(url)
        self.last = {}
        self.head = 0
        for head, records in notebook.entries:
            self.head = head
            for record in map(read_record, records):
                self.last[record["stream"]] = record["pos"]

    def take(self, said):
        """A message of the feed: what is new of it, after what was lost before it."""
        new = []
        for values in said.get("records", []):
            record = read_record(values)
            last = self.last.get(record["stream"], 0)
            if record["pos"] <= last:
                continue
            if (record["prev"] or 0) > last:
                new += self.fetch(record["stream"], record["prev"])
            new.append(values)
            self.last[record["stream"]] = record["pos"]
        if new:
            self.keep(new, self.head)

    def keep(self, records, head):
        self.head = head
        self.notebook.keep(head, records)

    def fetch(self, stream, upto=0):
        found = []
        while True:
            page = ask(self.client, "fetch", stream=stream, after=self.last.get(stream, 0),
                       upto=upto)
            found += page.get("records", [])
            if page.get("records"):
                self.last[stream] = page["cursor"]
            if not page.get("more"):
                return found

    def catch_up(self, head):
        """Everything up to `head`, when the feed was quiet about it."""
        found = self.fetch("sys")
        for row in self.hosts():
            found += self.fetch(f"cmd/{row}") + self.fetch(f"evt/{row}")
        self.keep(found, head)

    def hosts(self):
        after = None
        while True:
            rows = ask(self.client, "query", table="hosts", after=after)
            yield from (row["name"] for row in rows.get("rows", []))
            after = rows.get("next")
            if after is None:
                return


def follow_feed(notebook, url, feed_url):
    feed = Feed(notebook, url)
    sub = nng.Sub(feed_url, b"f")
    while True:
        try:
            _, said = decode_frame(sub.next(PATIENCE)[1:])
        except nng.NngTimeout:
            continue
        if said.get("records"):
            feed.take(said)
        elif said.get("head", 0) > feed.head:
            feed.catch_up(said["head"])


def main():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    kind, path, url, what = sys.argv[1:]
    notebook = Notebook(path)
    if kind == "watch":
        watch(notebook, url, json.loads(what))
    follow_feed(notebook, url, what)


if __name__ == "__main__":
    main()
