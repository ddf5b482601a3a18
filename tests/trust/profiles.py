"""Invariant 7: the whole suite passes where a feature of the system is missing.

``python tests/trust/profiles.py [PROFILE...] [-- OPTIONS OF PYTEST]`` runs pytest under each
profile in turn. Tests that need a missing feature skip themselves. Profiles that are joined by
``+`` remove several features at once; ``disabled`` cannot be joined.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import preloading

PROFILES = ["no-populate", "no-huge-pages", "no-cgroup", "one-cpu", "disabled"]


def is_known(profile: str) -> bool:
    *joined, alone = PROFILES
    return profile == alone or set(profile.split("+")) <= set(joined)


def environment_of(profile: str, library: pathlib.Path) -> dict[str, str]:
    if profile == "disabled":
        return {**os.environ, "ZEROFILL_DISABLE": "1"}
    return {**os.environ, "LD_PRELOAD": str(library), "PRELOAD_PROFILE": profile}


def main(arguments: list[str]) -> int:
    """Run them; return 0 if all passed."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    profiles, options = arguments[:split] or PROFILES, arguments[split + 1 :]
    unknown = [profile for profile in profiles if not is_known(profile)]
    if unknown:
        print(f"no profile is called {', '.join(unknown)}; there are {', '.join(PROFILES)}")
        return 2
    root = pathlib.Path(__file__).parents[2]
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        library = preloading.build(pathlib.Path(folder))
        if library is None:
            print("profiles need Linux and a C++ compiler")
            return 2
        for profile in profiles:
            print(f"== {profile}", flush=True)
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
            environment = environment_of(profile, library)
            if subprocess.run(command, cwd=root, env=environment).returncode != 0:
                failed.append(profile)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
