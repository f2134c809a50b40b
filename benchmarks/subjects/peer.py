"""Gateways that others publish, each installed in a directory of its own and at one version."""

import shutil
import subprocess
import sys
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from benchmarks import machine
from benchmarks.subjects.subject import Gateway

CACHE = Path.home() / ".cache" / "arkway-bench"


class NotInstalled(Exception):
    """Its installer failed, or is missing itself."""


class Peer(Gateway):
    package: ClassVar[str]
    release: ClassVar[str]

    @property
    def home(self) -> Path:
        return CACHE / f"{self.name}-{self.release}"

    @property
    @abstractmethod
    def program(self) -> Path:
        """What is run, once it is installed."""

    @abstractmethod
    def put(self) -> None:
        """Installs it in its home, which is there and empty. Raises CalledProcessError or OSError."""

    def lacks(self) -> str | None:
        return (
            None
            if self.program.exists()
            else f"{self.package} {self.release} is not installed (--install-peers)"
        )

    def install(self) -> None:
        """Leaves nothing half made. Raises NotInstalled."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        try:
            self.put()
        except BaseException as error:
            shutil.rmtree(self.home, ignore_errors=True)
            if isinstance(error, subprocess.CalledProcessError | OSError):
                raise NotInstalled(str(error)) from error
            raise

    def version(self) -> str:
        return self.release


class PythonPeer(Peer):
    """From PyPI, in an environment of its own."""

    command_name: ClassVar[str]

    @property
    def home(self) -> Path:
        """One for each Python, so that peers run by what Arkway runs by."""
        return CACHE / f"{self.name}-{self.release}-{machine.python().replace(' ', '-').replace('/', '-')}"

    @property
    def program(self) -> Path:
        return self.home / "bin" / self.command_name

    def put(self) -> None:
        subprocess.run([sys.executable, "-m", "venv", self.home], check=True)
        pip = [str(self.home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"{self.package}=={self.release}"], check=True)
