"""A process that keeps the embedded S3: SeaweedFS, the proxy before it, and their end when the one who asked has gone.

It must not outlive that process, whatever ended it, nor leave anything behind. It is asked in lines of JSON on its
standard input and answers on its standard output.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from lakekit.storage.loop import make_event_loop
from lakekit.storage.proxy import Proxy
from lakekit.storage.seaweedfs import choose_ports, remove_sockets, start_weed

START_SECONDS = 30
START_ATTEMPTS = 3  # another program may take a port between choosing and using it
LOOK_SECONDS = 0.5  # how often it is looked whether parent and server are still there


class Keeper:
    """The server, the proxy, and what is asked of them."""

    def __init__(self, settings: dict[str, Any]):
        self.settings = settings
        self.folder = Path(settings["folder"])
        self.ports: dict[str, int] = {}
        self.weed: subprocess.Popen | None = None

    async def run(self) -> None:
        """Starts all, says on which port, and answers until it is cancelled."""
        main, loop, lines = asyncio.current_task(), asyncio.get_running_loop(), asyncio.Queue()
        threading.Thread(target=_read_lines, args=(loop, lines, main), daemon=True).start()
        for name in ("SIGTERM", "SIGHUP"):
            with contextlib.suppress(NotImplementedError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), main.cancel)
        try:
            await self._start_server()
            proxy = Proxy("127.0.0.1", self.ports["s3"], latency_ms=self.settings["latency_ms"])
            port, pids = await proxy.start(), [os.getpid(), self.weed.pid]
            await _say({"port": port, "pids": pids, "ports": self.ports})
            watch = asyncio.create_task(self._watch(main))  # noqa: F841
            while True:
                asked = json.loads(await lines.get())
                await _say({"id": asked["id"], "answer": answer(proxy, asked)})
        finally:
            self.stop()

    async def _start_server(self) -> None:
        for _ in range(START_ATTEMPTS):
            self.ports = choose_ports()
            keys = (self.settings["key_id"], self.settings["secret"])
            self.weed = start_weed(self.settings["weed"], self.folder, self.ports, keys=keys)
            if await self._is_ready():
                return
            self.stop_server()
        log = (self.folder / "weed.log").read_text(errors="replace").strip().splitlines()
        await _say({"failed": " ".join(log[-3:]).replace(keys[1], "***")})
        raise asyncio.CancelledError

    async def _is_ready(self) -> bool:
        """Whether the server listens within START_SECONDS and has not ended."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + START_SECONDS
        while self.weed.poll() is None and loop.time() < latest:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.ports["s3"])
                writer.close()
                return self.weed.poll() is None
            await asyncio.sleep(0.02)
        return False

    async def _watch(self, main: asyncio.Task) -> None:
        while os.getppid() == self.settings["parent"] and self.weed.poll() is None:
            await asyncio.sleep(LOOK_SECONDS)
        main.cancel()

    def stop_server(self) -> None:
        """Ends the server at once: what it holds is not kept anyway."""
        if self.weed:
            self.weed.kill()
            self.weed.wait()
            remove_sockets(self.ports)

    def stop(self) -> None:
        """Ends the server and removes the folder."""
        self.stop_server()
        shutil.rmtree(self.folder, ignore_errors=True)


def answer(proxy: Proxy, asked: dict[str, Any]) -> Any:
    """What the proxy says to one request: "counts", "log", "reset" or "latency" with its "ms"."""
    if asked["ask"] == "counts":
        return proxy.tally.snapshot()
    if asked["ask"] == "log":
        return list(proxy.tally.log)
    if asked["ask"] == "reset":
        return proxy.tally.reset()
    proxy.latency_ms = asked["ms"]
    return proxy.latency_ms


async def _say(answer: dict[str, Any]) -> None:
    """Writes a line in a thread: the proxy goes on while nobody reads it."""
    await asyncio.to_thread(_write_line, json.dumps(answer).encode() + b"\n")


def _write_line(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _read_lines(loop: asyncio.AbstractEventLoop, lines: asyncio.Queue, main: asyncio.Task) -> None:
    """Hands over each line of standard input; its end cancels `main`: nobody is there any more who could ask."""
    with contextlib.suppress(RuntimeError):  # the loop has ended
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(main.cancel)


def main() -> None:
    """Runs until it is told to end; the first line of standard input has the settings."""
    keeper = Keeper(json.loads(sys.stdin.buffer.readline()))
    try:
        with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt, BrokenPipeError):
            with asyncio.Runner(loop_factory=make_event_loop) as runner:
                runner.run(keeper.run())
    except Exception:
        traceback.print_exc()
    os._exit(0)  # the thread that reads may still wait for a line
