"""The Dockerfile without Docker: its steps by hand, in an empty folder, as an account that owns nothing else.

It shows that the steps run in this order with nothing but Python and the files that .dockerignore lets through, and
that what they make starts for a user without a name who cannot change it. The base image it cannot show: this
machine's Python stands in for it.

    python -m dev.image_steps FOLDER     build in FOLDER, which must be empty
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from dev.config import ROOT
from dev.postgres import Identity

_KNOWN = {"ARG", "FROM", "WORKDIR", "ENV", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}


@dataclass
class Image:
    """What the steps made: files under `root`, and how they are to be run."""

    root: Path
    base: Path
    user: int = 0
    folder: str = "/"
    environment: dict[str, str] = field(default_factory=dict[str, str])
    command: list[str] = field(default_factory=list[str])
    healthcheck: list[str] = field(default_factory=list[str])

    @property
    def working_folder(self) -> Path:
        """WORKDIR, on this machine."""
        return self.path(self.folder)

    def path(self, path: str) -> Path:
        """A path of the image on this machine."""
        return self.root / (Path(self.folder) / path).relative_to("/")

    def run(self, command: list[str], *, stderr: int | None = None, **environment: str) -> subprocess.Popen[bytes]:
        """Start a program as a container would: this environment, this user, an empty home."""
        shown = {**self.environment, **environment}
        program = shutil.which(command[0], path=shown["PATH"]) or command[0]
        return subprocess.Popen(
            [program, *command[1:]], cwd=self.working_folder, env=shown, stderr=stderr, **self.identity
        )

    @property
    def identity(self) -> Identity:
        """Only root can become another user; anybody else builds and runs as themselves."""
        return Identity(user=_BUILDER, group=_BUILDER, extra_groups=[]) if os.geteuid() == 0 else Identity()


_BUILDER = 10001
"""The account of all steps. Docker runs those before USER as root, which here would prove less."""


def instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    """The name and the rest of each instruction."""
    text = re.sub(r"(?m)^#.*\n", "", dockerfile.read_text())
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if line.strip():
            name, _, rest = line.partition(" ")
            if name not in _KNOWN:
                raise ValueError(f"no step by hand for {name}")
            yield name, rest.strip()


def build(folder: Path, checkout: Path = ROOT) -> Image:
    """Follow the steps in an empty folder. Raises CalledProcessError for a step that fails."""
    if any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty")
    base = _base(folder / "base")
    stages: dict[str, Path] = {}
    image = Image(folder / "root", base)
    for name, rest in instructions(checkout / "Dockerfile"):
        match name:
            case "FROM":
                _put_away(image, stages)
                image = _from(folder, base)
                stage = rest.partition(" AS ")[2]
                stages[stage or "the last"] = image.root
            case "WORKDIR":
                image.folder = rest
                image.working_folder.mkdir(parents=True, exist_ok=True)
            case "ENV":
                image.environment |= _variables(image, rest)
            case "COPY":
                _copy(image, rest, stages, checkout)
            case "RUN":
                _give(image.working_folder, image.identity)
                subprocess.run(
                    ["/bin/sh", "-c", rest],
                    cwd=image.working_folder,
                    env=image.environment,
                    check=True,
                    **image.identity,
                )
            case "USER":
                image.user = int(rest.partition(":")[0])
            case "HEALTHCHECK":
                image.healthcheck = json.loads(rest.partition("CMD ")[2])
            case "CMD":
                image.command = json.loads(rest)
            case _:
                pass
    return image


def _from(folder: Path, base: Path) -> Image:
    """A stage that has only what the base image has: Python and a shell, and here an empty home."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {"PATH": f"{base / 'bin'}:/usr/bin:/bin", "HOME": str(home)}
    if list((base / "lib").glob("libpython*")):
        environment["LD_LIBRARY_PATH"] = str(base / "lib")
    for name in ("PIP_CERT", "PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy"):
        if name in os.environ:
            environment[name] = os.environ[name]
    image = Image(folder / "root", base, environment=environment)
    image.root.mkdir()
    _give(home, image.identity)
    return image


def _put_away(image: Image, stages: dict[str, Path]) -> None:
    """All stages are built in one place, so that the paths which they write into files hold in the next one."""
    for name, root in stages.items():
        if root == image.root:
            stages[name] = image.root.rename(image.root.with_name(f"stage-{name}"))


def _give(folder: Path, identity: Identity) -> None:
    """Make everything in the folder the builder's, who is about to work on it. What is only copied stays root's."""
    if "user" in identity and "group" in identity:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, identity["user"], identity["group"], follow_symlinks=False)


def _variables(image: Image, rest: str) -> dict[str, str]:
    """NAME=value pairs; what names a folder of the image names it on this machine."""
    pairs = (word.partition("=")[::2] for word in shlex.split(rest))
    return {
        name: string.Template(re.sub(r"(?<![^:])/app\b", str(image.root / "app"), value)).substitute(image.environment)
        for name, value in pairs
    }


def _copy(image: Image, rest: str, stages: dict[str, Path], checkout: Path) -> None:
    options = [word for word in rest.split() if word.startswith("--")]
    *sources, target = [word for word in rest.split() if not word.startswith("--")]
    stage = next((option.removeprefix("--from=") for option in options if option.startswith("--from=")), None)
    for source in sources:
        origin = stages[stage] / source.removeprefix("/") if stage else checkout / source
        into = image.path(target)
        if origin.is_dir():
            shutil.copytree(
                origin, into, symlinks=True, dirs_exist_ok=True, ignore=None if stage else _ignored(checkout)
            )
        elif lets_through(checkout, origin):
            shutil.copy2(origin, into / origin.name if target.endswith("/") else into)
        else:
            raise ValueError(f"COPY {source}: .dockerignore keeps it back")


def _ignored(checkout: Path) -> Callable[[str, list[str]], set[str]]:
    def ignore(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if not lets_through(checkout, Path(folder) / name)}

    return ignore


def lets_through(checkout: Path, file: Path) -> bool:
    """Whether .dockerignore leaves the file in: the last line counts that fits the file or a folder of it."""
    path = file.relative_to(checkout)
    here = [str(path), *(str(parent) for parent in path.parents)]
    ignored = False
    for line in (checkout / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        anywhere = pattern.removeprefix("**/")
        names = path.parts if anywhere != pattern else here
        if any(fnmatch(name, anywhere) for name in names):
            ignored = not line.startswith("!")
    return not ignored


def _base(folder: Path) -> Path:
    """This machine's Python as a base image has it, where every account can reach it."""
    (folder / "bin").mkdir(parents=True)
    real = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    if _reached_by_all(real):
        (folder / "bin/python").symlink_to(real)
        return folder
    prefix = Path(sys.base_prefix)
    library = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copy2(real, folder / "bin" / real.name)
    (folder / "bin/python").symlink_to(real.name)
    skip = shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "config-*")
    shutil.copytree(prefix / library, folder / library, ignore=skip)
    for shared in (prefix / "lib").glob("libpython*.so*"):
        shutil.copy2(shared, folder / "lib", follow_symlinks=False)
    return folder


def _reached_by_all(path: Path) -> bool:
    return os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in path.parents)


if __name__ == "__main__":
    made = build(Path(sys.argv[1]).resolve())
    print(f"built in {made.root}; starts with {shlex.join(made.command)}")
