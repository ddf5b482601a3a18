"""Packages of Debian's, of any suite and architecture, unpacked into a folder."""

import functools
import os
import pathlib
import shutil
import subprocess

__all__ = ["UnavailableError", "extract", "mirror_of_this_machine", "unpack", "unpack_sources"]


class UnavailableError(Exception):
    """Debian's packages cannot be had here."""


def mirror_of_this_machine() -> str:
    """Return the address of the Debian mirror that apt-get uses."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    for address in subprocess.check_output(command, text=True).split():
        if address.rstrip("/").endswith("/debian"):
            return address
    raise UnavailableError("apt-get knows no mirror of Debian's")


def unpack(package: str, suite: str, architecture: str, folder: pathlib.Path) -> pathlib.Path:
    """Unpack a package, or the one that it depends on first if it has nothing but that.

    Parameters
    ----------
    package : str
        "linux-image-amd64" stands for the suite's newest kernel.
    suite, architecture : str
        Such as "bookworm" and "amd64".
    folder : pathlib.Path
        It stays there, for the next call.
    """
    unpacked = folder / f"{suite}-{architecture}" / package
    if not unpacked.is_dir():
        try:
            archive = _download(package, suite, architecture, unpacked.parent)
        except subprocess.CalledProcessError as error:
            raise UnavailableError(f"the mirror does not give {package} of {suite}") from error
        part = _new_folder(unpacked)
        subprocess.run(["dpkg-deb", "-x", archive, part], check=True)
        archive.unlink()
        part.rename(unpacked)
    return unpacked


def unpack_sources(
    package: str, suite: str, architecture: str, folder: pathlib.Path
) -> pathlib.Path:
    """Unpack what a package is built from, without Debian's changes, as ``unpack`` does."""
    unpacked = folder / f"{suite}-{architecture}" / f"{package}-sources"
    if not unpacked.is_dir():
        command = ["source", "--download-only", "--tar-only", package]
        try:
            apt = _apt_environment(suite, architecture, unpacked.parent)
            archive = _fetch(command, f"{package}_*.orig.tar.*", unpacked.parent, apt)
        except subprocess.CalledProcessError as error:
            raise UnavailableError(f"the mirror has no sources of {package}") from error
        extract(archive, unpacked)
    return unpacked


def extract(archive: pathlib.Path, folder: pathlib.Path) -> None:
    """Extract an archive of sources into a new folder, without its own top one, and remove it."""
    part = _new_folder(folder)
    subprocess.run(["tar", "-x", "-C", part, "--strip-components=1", "-f", archive], check=True)
    archive.unlink()
    part.rename(folder)


def _new_folder(folder: pathlib.Path) -> pathlib.Path:
    """Return an empty one beside it, in which it is made: it is whole as soon as it is there."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    return part


def _download(package: str, suite: str, architecture: str, folder: pathlib.Path) -> pathlib.Path:
    apt = _apt_environment(suite, architecture, folder)
    name = package
    if package.startswith("linux-image-"):
        text = subprocess.check_output(["apt-cache", "depends", package], env=apt, text=True)
        name = text.partition("Depends: ")[2].split()[0]
    return _fetch(["download", name], f"{name}_*.deb", folder, apt)


def _fetch(
    command: list[str], pattern: str, folder: pathlib.Path, apt: dict[str, str]
) -> pathlib.Path:
    """Have apt-get put one file into the folder; return it."""
    for old in folder.glob(pattern):  # of a call that was interrupted
        old.unlink()
    subprocess.run(["apt-get", "-q", *command], cwd=folder, env=apt, check=True)
    (archive,) = folder.glob(pattern)
    return archive


@functools.cache
def _apt_environment(suite: str, architecture: str, folder: pathlib.Path) -> dict[str, str]:
    """Return the environment in which apt-get knows one suite, and keeps all in the folder."""
    for part in ["lists/partial", "cache/archives/partial"]:
        (folder / part).mkdir(parents=True, exist_ok=True)
    there = f"{mirror_of_this_machine()} {suite} main\n"
    (folder / "sources.list").write_text(f"deb [arch={architecture}] {there}deb-src {there}")
    (folder / "apt.conf").write_text(
        f'APT::Architecture "{architecture}";\n'
        f'APT::Architectures {{ "{architecture}"; }};\n'
        f'Dir::Etc::sourcelist "{folder}/sources.list";\n'
        'Dir::Etc::sourceparts "/nonexistent";\n'
        f'Dir::State::lists "{folder}/lists";\n'
        f'Dir::Cache "{folder}/cache";\n'
        'Dir::State::status "/dev/null";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}
    subprocess.run(["apt-get", "-q", "update"], env=environment, check=True)
    return environment
