"""A bad network: a TCP proxy that knows where a message of the bus begins and ends.

Each link listens on a port of its own, which stays while brokers come and go. What a link does to
messages is its mode:

    pass    nothing
    cut     every connection is reset, none is taken
    hold    nothing arrives in either direction until it ends; then everything does
    deaf    what is asked is lost; the connections that have lost something break when it ends
    mute    what is answered is lost; as above
    slow    each message takes its time
    double  each question arrives twice
    torn    now and then half a message arrives, and the connection breaks
"""
import asyncio
import random
import threading

GREETING_SIZE = 8
LENGTH_SIZE = 8
MESSAGE_MAX = 16 * 1024 * 1024
SLOW_S = 0.05
TORN_ONE_IN = 4
MODES = ["cut", "hold", "deaf", "mute", "slow", "double", "torn"]


class Broken(Exception):
    """This connection ends here."""


class Connection:
    """One connection of a peer, and the one to the broker that stands behind it."""

    def __init__(self, link, peer):
        self.link = link
        self.peer = peer  # (reader, writer)
        self.broker = None
        self.has_lost = False

    async def run(self):
        try:
            self.broker = await asyncio.open_connection(*self.link.target())
            await self._pump_both()
        except (OSError, Broken, asyncio.IncompleteReadError):
            pass
        finally:
            self.abort()

    async def _pump_both(self):
        pumps = [asyncio.ensure_future(self._pump(self.peer[0], self.broker[1], True)),
                 asyncio.ensure_future(self._pump(self.broker[0], self.peer[1], False))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, reader, writer, is_question):
        writer.write(await reader.readexactly(GREETING_SIZE))
        while True:
            head = await reader.readexactly(LENGTH_SIZE)
            size = int.from_bytes(head, "big")
            if size > MESSAGE_MAX:
                raise Broken
            message = head + await reader.readexactly(size)
            await self._deliver(message, writer, is_question)
            await writer.drain()

    async def _deliver(self, message, writer, is_question):
        link = self.link
        while link.mode == "hold":
            await link.changed()
        if link.mode == ("deaf" if is_question else "mute"):
            self.has_lost = True
            return
        if link.mode == "slow":
            await asyncio.sleep(link.random.random() * SLOW_S)
        if link.mode == "torn" and link.random.randrange(TORN_ONE_IN) == 0:
            writer.write(message[:link.random.randrange(len(message))])
            await writer.drain()
            raise Broken
        writer.write(message)
        if link.mode == "double" and is_question:
            writer.write(message)

    def abort(self):
        for side in [self.peer, self.broker]:
            if side is not None:
                side[1].transport.abort()


class Link:
    """One port, and all connections through it. `target` says (address, port) of the broker."""

    def __init__(self, network, name, target):
        self.network = network
        self.name = name
        self.target = target
        self.mode = "pass"
        self.random = random.Random(name)
        self.port = None
        self._connections = set()
        self._change = asyncio.Event()
        self._server = None

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.port}"

    async def open(self):
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _take(self, reader, writer):
        if self.mode == "cut":
            writer.transport.abort()
            return
        connection = Connection(self, (reader, writer))
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    async def close(self):
        self._server.close()
        for connection in list(self._connections):
            connection.abort()
        await self._server.wait_closed()

    async def changed(self):
        await self._change.wait()

    def set_mode(self, mode):
        """Any thread."""
        self.network.call(self._set_mode, mode)

    def _set_mode(self, mode):
        self.mode = mode
        for connection in list(self._connections):
            if mode == "cut" or connection.has_lost:
                connection.abort()
        self._change.set()
        self._change = asyncio.Event()


class Network:
    """All links, on a loop in a thread of its own."""

    def __init__(self):
        self._links = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, function, *arguments):
        """Have it called on the loop, and wait for that."""
        async def run():
            return function(*arguments)
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def link(self, name, target):
        async def make():
            link = Link(self, name, target)
            await link.open()
            self._links.append(link)
            return link
        return asyncio.run_coroutine_threadsafe(make(), self._loop).result()

    def close(self):
        asyncio.run_coroutine_threadsafe(self._close_links(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close_links(self):
        for link in self._links:
            await link.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted closes its socket in the turn after
        await asyncio.sleep(0)
