"""Images for the benchmarks: an OCI layout in a tar, made here so that nothing is downloaded."""
import gzip
import hashlib
import io
import json
import os
import random
import tarfile

BUSYBOX = "/bin/busybox"
GZIP_LEVEL = 6


def add_directory(tar, name):
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(entry)


def add_file(tar, name, content, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def layer(fill):
    """The bytes of a layer's tar; `fill` adds its files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        fill(tar)
    return out.getvalue()


def base_layer():
    """A root file system of busybox."""
    def fill(tar):
        for name in ("bin", "dev", "etc", "proc", "run", "sys", "tmp"):
            add_directory(tar, name)
        with open(BUSYBOX, "rb") as file:
            add_file(tar, "bin/busybox", file.read(), 0o755)
        for name in ("sh", "sleep"):
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        add_file(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
        add_file(tar, "etc/group", b"root:x:0:\n")
    return layer(fill)


def small_layer(number):
    """A few small files in a directory of their own, and one that each layer replaces."""
    def fill(tar):
        add_directory(tar, f"srv/{number}")
        for i in range(4):
            add_file(tar, f"srv/{number}/file{i}", f"layer {number} file {i}\n".encode() * 20)
        add_file(tar, "etc/top", f"{number}\n".encode())
    return layer(fill)


def mixed_layer(megabytes, seed=5):
    """Half of it small files (2 to 30 KB), half files of a megabyte; half of the bytes are random
    and cannot be compressed, half are words."""
    chance = random.Random(seed)
    words = [chance.randbytes(chance.randint(2, 6)).hex().encode() for _ in range(2000)]

    def content(size, is_random):
        if is_random:
            return chance.randbytes(size)
        return b" ".join(chance.choices(words, k=size // 8 + 1))[:size]

    def fill(tar):
        half = megabytes * 1_000_000 // 2
        filled = number = 0
        while filled < half:
            if number % 100 == 0:
                add_directory(tar, f"data/small/{number // 100}")
            size = chance.randint(2_000, 30_000)
            add_file(tar, f"data/small/{number // 100}/{number}", content(size, number % 2))
            filled += size
            number += 1
        add_directory(tar, "data/large")
        for number in range(half // 1_000_000):
            add_file(tar, f"data/large/{number}", content(1_000_000, number % 2))
    return layer(fill)


def digest(content):
    return hashlib.sha256(content).hexdigest()


class Layout:
    """An OCI layout that is being written into a tar."""

    def __init__(self, tar):
        self.tar = tar
        add_file(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        add_directory(tar, "blobs")
        add_directory(tar, "blobs/sha256")

    def add_blob(self, media_type, content):
        name = digest(content)
        add_file(self.tar, f"blobs/sha256/{name}", content)
        return {"mediaType": f"application/vnd.oci.image.{media_type}", "digest": f"sha256:{name}",
                "size": len(content)}

    def add_json(self, media_type, value):
        return self.add_blob(media_type, json.dumps(value).encode())


def write_archive(path, reference, layers, is_compressed=False):
    """An archive of one image; `layers` are the bytes of their tars, lowest first."""
    with tarfile.open(path, "w") as tar:
        layout = Layout(tar)
        blobs = []
        for content in layers:
            if is_compressed:
                blobs.append(layout.add_blob("layer.v1.tar+gzip",
                                             gzip.compress(content, GZIP_LEVEL, mtime=0)))
            else:
                blobs.append(layout.add_blob("layer.v1.tar", content))
        config = layout.add_json("config.v1+json", {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine),
            "os": "linux",
            "config": {"Cmd": ["/bin/sleep", "600"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers",
                       "diff_ids": [f"sha256:{digest(content)}" for content in layers]},
            "history": [{"created_by": "bench"} for _ in layers]})
        manifest = layout.add_json("manifest.v1+json", {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": blobs})
        manifest["annotations"] = {"org.opencontainers.image.ref.name": reference}
        add_file(tar, "index.json", json.dumps({"schemaVersion": 2, "manifests": [manifest]}).encode())
