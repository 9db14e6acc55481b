"""Build the wheel, install it in an empty folder, and serve a page and its stylesheet from there."""

import os
import re
import subprocess
import sys
import sysconfig
import urllib.request
import venv
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

CHECKOUT = Path(__file__).resolve().parent.parent


def build(into: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", into, CHECKOUT]
    subprocess.run(command, check=True)
    return next(into.glob("rondo-*.whl"))


def install(wheel: Path, folder: Path) -> Path:
    """An environment with the wheel; what Rondo needs is lent by ours, which spares the downloads."""
    venv.create(folder, with_pip=False)
    scripts = folder / "bin"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", scripts / "python", "install", "--quiet", "--no-deps", wheel],
        check=True,
    )
    (site / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return scripts


def serve_a_page(scripts: Path, folder: Path) -> None:
    folder.mkdir()
    home = {**os.environ, "RONDO_HOME": str(folder / "home")}
    ask = [scripts / "python", "-c", "import app; print(app.__file__)"]
    package = subprocess.run(ask, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert not Path(package).is_relative_to(CHECKOUT), f"{package} is the checkout, not the wheel"
    command = [scripts / "rondo", "serve", "--no-worker", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=home, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            address = next(found[0] for line in server.stderr if (found := re.search(r"http://\S+", line)))
            page = read(f"{address}/sign-in").decode()
            assert "<h1" in page
            assert '<html lang="zh"' in read(f"{address}/sign-in", {"accept-language": "zh"}).decode()
            for path in sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))):
                assert read(address + path), path
                print("served", path)
        finally:
            server.terminate()


def read(address: str, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, headers=dict(headers)), timeout=20) as answer:
        content: bytes = answer.read()
    return content


def main() -> None:
    scratch = Path(sys.argv[1]).resolve()
    wheel = build(scratch / "wheel")
    serve_a_page(install(wheel, scratch / "environment"), scratch / "empty")


if __name__ == "__main__":
    main()
