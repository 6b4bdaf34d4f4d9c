"""The command `python -m bot.playground.controlplane`: get the programs, or run a control plane."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from bot.playground.certs import Authority
from bot.playground.controlplane import assets, config, versions
from bot.playground.controlplane.plane import ControlPlane
from bot.playground.processes import ProcessError


def main() -> int:
    """Do what the arguments say; 1 when something could not be had or did not start."""
    parser = argparse.ArgumentParser(prog="python -m bot.playground.controlplane")
    parser.add_argument("what", choices=["ensure", "start"])
    what = parser.parse_args().what
    try:
        sources = assets.AssetSources.from_environment()
        names = [*versions.CONTROL_PLANE]
        if what == "ensure" and assets.find_kubectl(sources) is None:
            names.append("kubectl")
        binaries = assets.ensure(sources, names, progress=_say)
        if what == "start":
            _run(binaries)
    except (assets.AssetsMissingError, ProcessError) as error:
        _say(str(error))
        return 1
    for name, path in binaries.items():
        _say(f"{name}: {path}")
    return 0


def _run(binaries: dict[str, Path]) -> None:
    """Run one control plane until SIGINT or SIGTERM; the admin's kubeconfig is printed."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with tempfile.TemporaryDirectory(prefix="valetkey-controlplane-") as name:
        folder = Path(name)
        with ControlPlane(folder / "plane", binaries, Authority.in_folder(folder / "ca")) as plane:
            path = folder / "admin.kubeconfig"
            plane.write_kubeconfig(path, config.bearer(plane.admin_token))
            _say(f"ready: {plane.url}\nexport KUBECONFIG={path}\nCtrl-C ends it.")
            ended.wait()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
