"""Run tests in small machines that are what this one is not: two NUMA nodes, huge pages, swap.

``python tests/platforms/machine.py [MACHINE...]`` starts each machine in turn (all by default), in
qemu without KVM, on a kernel of Debian's. It sees the files of this machine, and what it writes to
them stays in its memory. It runs the Python that runs this, with zerofill and pytest installed, and
the native tests of ``--native BUILD``. Needs Debian's packages qemu-system-x86, cpio and kmod;
without them everything is skipped, by name.
"""

import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass

from debian import UnavailableError, unpack

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]

TOOLS = ["cpio", "modprobe", "depmod", "apt-get", "dpkg-deb"]
MODULES = ["9p", "9pnet_virtio", "virtio_pci", "virtio_blk", "overlay", "zram", "ext4"]

# Not the CPU "max": NumPy's sorting crashes on qemu's AVX2.
QEMU = {
    "amd64": ("qemu-system-x86_64", "-cpu", "Nehalem"),
    "arm64": ("qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a57"),
}
CONSOLE = {"amd64": "ttyS0", "arm64": "ttyAMA0"}

TWO_NODES = [
    "-object memory-backend-ram,size=1G,id=m0 -numa node,nodeid=0,cpus=0-1,memdev=m0",
    "-object memory-backend-ram,size=1G,id=m1 -numa node,nodeid=1,cpus=2-3,memdev=m1",
]

DISK = "-drive file={folder}/disk,if=virtio,format=raw"  # /dev/vda

SWAP = "echo 512M >/sys/block/zram0/disksize && mkswap /dev/zram0 && swapon /dev/zram0"


@dataclass(frozen=True)
class Machine:
    """What it has, and what runs in it: ``{pytest}`` and ``{native}`` stand for those tests."""

    command: str
    memory: str = "2G"
    options: tuple[str, ...] = ()
    kernel: str = ""  # its command line
    suite: str = "bookworm"  # whose kernel it is
    architecture: str = "amd64"  # another one runs native tests alone, linked statically


MACHINES = {
    "two-nodes": Machine("{pytest} tests/platforms/test_nodes.py", options=tuple(TWO_NODES)),
    "cgroup-v2": Machine("{pytest} tests/platforms/test_cgroups.py", options=(DISK,)),
    "huge-pages-always": Machine("{native}", kernel="transparent_hugepage=always"),
    "huge-pages-never": Machine("{native}", kernel="transparent_hugepage=never"),
    "swap": Machine(f"{SWAP} && {{native}}", kernel="transparent_hugepage=madvise"),
    "old-kernel": Machine("{native}", suite="bullseye"),
    "new-kernel": Machine("{native}", suite="trixie"),
    "aarch64": Machine("{native}", architecture="arm64"),
    "512-mib": Machine(
        "{pytest} tests/platforms/test_small_machine.py && {native}",
        memory="512M",
        kernel="transparent_hugepage=madvise",
    ),
}


def modules_of(kernel: pathlib.Path) -> list[pathlib.Path]:
    """Return the files of the modules, each after those that it needs."""
    if not (kernel / "lib").exists():
        (kernel / "lib").symlink_to("usr/lib")  # where they are from trixie on
    (version,) = [folder.name for folder in (kernel / "lib/modules").iterdir()]
    subprocess.run(["depmod", "-b", kernel, version], check=True)
    found: dict[pathlib.Path, None] = {}
    for name in MODULES:
        command = ["modprobe", "-d", kernel, "-S", version, "--show-depends", name]
        lines = subprocess.check_output(command, text=True).splitlines()
        words = [line.split() for line in lines]  # "insmod path", or "builtin name"
        found.update((pathlib.Path(path), None) for kind, path, *_ in words if kind == "insmod")
    return list(found)


def pack_initramfs(
    machine: Machine, folder: pathlib.Path, kernel: pathlib.Path, commands: str
) -> pathlib.Path:
    """Return the file that the kernel starts from: busybox, modules, and the command."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for part in ["bin", "modules"]:
        (root / part).mkdir(parents=True)
    busybox = unpack("busybox-static", machine.suite, machine.architecture, folder)
    (program,) = busybox.rglob("bin/busybox")  # from trixie on in usr/bin
    shutil.copy(program, root / "bin/busybox")
    for number, module in enumerate(modules_of(kernel)):
        shutil.copy(module, root / f"modules/{number:02}-{module.name}")
    shutil.copy(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    (root / "command").write_text(commands)
    if machine.architecture != "amd64":
        (root / "command").rename(root / "command-apart")
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    command = ["cpio", "-o", "-H", "newc", "--quiet"]
    packed = subprocess.check_output(command, cwd=root, input="\n".join(names).encode())
    initramfs = folder / "initramfs"
    initramfs.write_bytes(packed)
    return initramfs


def command_of(machine: Machine, native: str, tests: str) -> str:
    """Return the shell commands that run in it."""
    pytest = f"{shlex.quote(sys.executable)} -m pytest -q --color=no -p no:cacheprovider"
    files = "" if machine.architecture == "amd64" else "/host"
    loop = (
        f"failed=0; for test in {files}{shlex.quote(native)}/tests/native/{tests}; do "
        '"$test" >/tmp/output 2>&1 || { failed=1; echo "FAILED $test"; cat /tmp/output; }; done; '
        "test $failed = 0"
    )
    settings = {"ZEROFILL_TEST_MACHINE": "1", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp"}
    return "\n".join(
        [
            *(f"export {name}={value}" for name, value in settings.items()),
            f"export PATH=$PATH:{shlex.quote(os.environ['PATH'])}",
            f"cd {files}{shlex.quote(str(PROJECT))}",
            machine.command.format(pytest=pytest, native=loop),
        ]
    )


def run(machine: Machine, folder: pathlib.Path, commands: str, seconds: int) -> int:
    """Start a machine; return the status of what ran in it, or 1 where it was not reached."""
    package = f"linux-image-{machine.architecture}"
    kernel = unpack(package, machine.suite, machine.architecture, folder)
    (image,) = (kernel / "boot").glob("vmlinuz-*")
    initramfs = pack_initramfs(machine, folder, kernel, commands)
    with open(folder / "disk", "wb") as disk:
        disk.truncate(1 << 30)
    options = " ".join(machine.options).format(folder=shlex.quote(str(folder)))
    command = [
        *(*QEMU[machine.architecture], "-accel", "tcg,thread=multi", "-smp", "4"),
        *("-m", machine.memory, *shlex.split(options)),
        *("-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"),
        *("-fsdev", "local,id=files,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=files,mount_tag=host"),
        *("-kernel", image, "-initrd", initramfs),
        *("-append", f"console={CONSOLE[machine.architecture]} quiet panic=-1 {machine.kernel}"),
    ]
    status = 1
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    alarm = threading.Timer(seconds, process.kill)
    alarm.start()
    try:
        for line in process.stdout:
            print(line.rstrip(), flush=True)
            if match := re.match(r"machine: status (\d+)", line):
                status = int(match[1])
    finally:
        alarm.cancel()
        process.kill()
        process.wait()
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("machines", nargs="*", metavar="MACHINE", help=", ".join(MACHINES))
    parser.add_argument("--native", metavar="BUILD", help="a build folder of the native tests")
    parser.add_argument("--tests", default="*_test", metavar="GLOB", help="which of these tests")
    parser.add_argument("--aarch64", metavar="BUILD", help="one for the machine of that name")
    parser.add_argument(
        "--folder", type=pathlib.Path, default=PROJECT / "build/machine", help="for the kernel"
    )
    options = parser.parse_args()
    if unknown := set(options.machines) - set(MACHINES):
        parser.error(f"no machine is called {', '.join(unknown)}: there are {', '.join(MACHINES)}")
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian has depmod, for root alone
    results = {}
    for name in options.machines or list(MACHINES):
        tools = [*TOOLS, QEMU[MACHINES[name].architecture][0]]
        if missing := [tool for tool in tools if shutil.which(tool) is None]:
            results[name] = f"skipped: there is no {', '.join(missing)} here"
            continue
        native = options.aarch64 if name == "aarch64" else options.native
        if "{native}" in MACHINES[name].command and native is None:
            results[name] = "skipped: there is no build of the native tests"
            continue
        print(f"== {name}", flush=True)
        commands = command_of(MACHINES[name], str(native), options.tests)
        try:
            status = run(MACHINES[name], options.folder.resolve(), commands, 900)
        except UnavailableError as error:
            results[name] = f"skipped: {error}"
            continue
        results[name] = "passed" if status == 0 else f"failed with status {status}"
    for name, result in results.items():
        print(f"{name}: {result}")
    return 1 if any(result.startswith("failed") for result in results.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
