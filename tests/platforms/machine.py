"""Run tests in small machines that are what this one is not: two NUMA nodes, huge pages, swap.

``python tests/platforms/machine.py [MACHINE...]`` starts each machine in turn (all by default), in
qemu without KVM, on a kernel of Debian's. It sees the files of this machine, and what it writes to
them stays in its memory. It runs the Python that runs this, with zerofill and pytest installed, and
the native tests of ``--native BUILD``. Needs Debian's packages qemu-system-x86, busybox-static,
cpio and kmod; without them everything is skipped, by name.
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

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]

TOOLS = ["qemu-system-x86_64", "busybox", "cpio", "modprobe", "depmod", "apt-get", "dpkg-deb"]
MODULES = ["9p", "9pnet_virtio", "virtio_pci", "virtio_blk", "overlay", "zram", "ext4"]

# Not "max": NumPy's sorting of qemu's AVX2 crashes.
CPU = "Nehalem"

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


MACHINES = {
    "two-nodes": Machine("{pytest} tests/platforms/test_nodes.py", options=tuple(TWO_NODES)),
    "cgroup-v2": Machine("{pytest} tests/platforms/test_cgroups.py", options=(DISK,)),
    "huge-pages-always": Machine("{native}", kernel="transparent_hugepage=always"),
    "huge-pages-never": Machine("{native}", kernel="transparent_hugepage=never"),
    "swap": Machine(f"{SWAP} && {{native}}", kernel="transparent_hugepage=madvise"),
    "512-mib": Machine("{native}", memory="512M", kernel="transparent_hugepage=madvise"),
}


def kernel_package() -> str:
    """Return the name of the package with Debian's newest kernel in this suite."""
    text = subprocess.check_output(["apt-cache", "depends", "linux-image-amd64"], text=True)
    return re.search(r"Depends: (linux-image-\S+)", text)[1]


def unpack_kernel(folder: pathlib.Path) -> pathlib.Path:
    """Download and unpack a kernel, if it is not there; return its folder."""
    unpacked = folder / kernel_package()
    if not (unpacked / "boot").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", unpacked.name], cwd=folder, check=True)
        (package,) = folder.glob(f"{unpacked.name}_*.deb")
        subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
        package.unlink()
    return unpacked


def modules_of(kernel: pathlib.Path) -> list[pathlib.Path]:
    """Return the files of the modules, each after those that it needs."""
    (version,) = [folder.name for folder in (kernel / "lib/modules").iterdir()]
    subprocess.run(["depmod", "-b", kernel, version], check=True)
    found: dict[pathlib.Path, None] = {}
    for name in MODULES:
        command = ["modprobe", "-d", kernel, "-S", version, "--show-depends", name]
        lines = subprocess.check_output(command, text=True).splitlines()
        found.update((pathlib.Path(line.split()[1]), None) for line in lines)
    return list(found)


def pack_initramfs(folder: pathlib.Path, kernel: pathlib.Path, program: str) -> pathlib.Path:
    """Return the file that the kernel starts from: busybox, modules, and the command."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for part in ["bin", "modules"]:
        (root / part).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    for number, module in enumerate(modules_of(kernel)):
        shutil.copy(module, root / f"modules/{number:02}-{module.name}")
    shutil.copy(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    (root / "command").write_text(program)
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    command = ["cpio", "-o", "-H", "newc", "--quiet"]
    packed = subprocess.check_output(command, cwd=root, input="\n".join(names).encode())
    initramfs = folder / "initramfs"
    initramfs.write_bytes(packed)
    return initramfs


def command_of(machine: Machine, native: str) -> str:
    """Return the shell commands that run in it."""
    pytest = f"{shlex.quote(sys.executable)} -m pytest -q --color=no -p no:cacheprovider"
    loop = (
        f"failed=0; for test in {shlex.quote(native)}/tests/native/*_test; do "
        '"$test" >/tmp/output 2>&1 || { failed=1; echo "FAILED $test"; cat /tmp/output; }; done; '
        "test $failed = 0"
    )
    settings = {"ZEROFILL_TEST_MACHINE": "1", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp"}
    return "\n".join(
        [
            *(f"export {name}={value}" for name, value in settings.items()),
            f"export PATH={shlex.quote(os.environ['PATH'])}",
            f"cd {shlex.quote(str(PROJECT))}",
            machine.command.format(pytest=pytest, native=loop),
        ]
    )


def run(machine: Machine, folder: pathlib.Path, native: str, seconds: int) -> int:
    """Start a machine; return the status of what ran in it, or 1 where it was not reached."""
    kernel = unpack_kernel(folder)
    (image,) = (kernel / "boot").glob("vmlinuz-*")
    initramfs = pack_initramfs(folder, kernel, command_of(machine, native))
    with open(folder / "disk", "wb") as disk:
        disk.truncate(1 << 30)
    options = " ".join(machine.options).format(folder=shlex.quote(str(folder)))
    command = [
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", "4"),
        *("-m", machine.memory, *shlex.split(options)),
        *("-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot"),
        *("-fsdev", "local,id=files,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=files,mount_tag=host"),
        *("-kernel", image, "-initrd", initramfs),
        *("-append", f"console=ttyS0 quiet panic=-1 {machine.kernel}"),
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
    parser.add_argument(
        "--folder", type=pathlib.Path, default=PROJECT / "build/machine", help="for the kernel"
    )
    options = parser.parse_args()
    if unknown := set(options.machines) - set(MACHINES):
        parser.error(f"no machine is called {', '.join(unknown)}: there are {', '.join(MACHINES)}")
    names = options.machines or list(MACHINES)
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(f"skipped: {', '.join(names)} (there is no {', '.join(missing)} here)")
        return 0
    results = {}
    for name in names:
        if "{native}" in MACHINES[name].command and options.native is None:
            results[name] = "skipped: --native is not given"
            continue
        print(f"== {name}", flush=True)
        status = run(MACHINES[name], options.folder.resolve(), str(options.native), 600)
        results[name] = "passed" if status == 0 else f"failed with status {status}"
    for name, result in results.items():
        print(f"{name}: {result}")
    return 1 if any(result.startswith("failed") for result in results.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
