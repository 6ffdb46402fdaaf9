"""Builds the web client into web/dist whenever this package is built or installed, editable too."""

import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path(__file__).parent / "web"
DIST = WEB / "dist"
STAMP = DIST / "source.sha256"
SOURCES = (
    "building.ts",
    "graphiql.html",
    "index.html",
    "package-lock.json",
    "package.json",
    "tsconfig.json",
    "vite.config.ts",
    "src/**/*",
)
"""As `cache-keys` in pyproject.toml has them."""

sys.path.insert(0, str(WEB))

from npm import WHEEL, has_node, install, npm  # noqa: E402


class WebBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """A build whose sources have not changed since is kept."""

    def dependencies(self) -> list[str]:
        """Only a machine without a fitting Node.js downloads one."""
        return [] if _is_built() or has_node() else [WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not _is_built():
            install(tools=False)
            npm("run", "build")
            STAMP.write_text(_digest())
        if self.target_name == "sdist":
            build_data["artifacts"].append("/web/dist")
        elif version != "editable":
            build_data["force_include"][str(DIST)] = "web/dist"


def _is_built() -> bool:
    return STAMP.is_file() and STAMP.read_text() == _digest()


def _digest() -> str:
    """Of all that a build is made of."""
    digest = sha256()
    for path in sorted({path for pattern in SOURCES for path in WEB.glob(pattern) if path.is_file()}):
        digest.update(f"{path.relative_to(WEB).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()
