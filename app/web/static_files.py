"""Static files under `/static/STAMP/…`, kept by browsers for ever because the stamp changes with the files."""

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.web.templating import SERVED, packed_folder, static_stamp


class StampedFiles(StaticFiles):
    def __init__(self) -> None:
        super().__init__(directory=packed_folder("static"))

    async def get_response(self, path: str, scope: Scope) -> Response:
        stamp, _, file = path.partition("/")
        if stamp != static_stamp():
            return await self._answer(path, scope, "no-cache")
        return await self._answer(file, scope, "public, max-age=31536000, immutable")

    async def _answer(self, path: str, scope: Scope, caching: str) -> Response:
        if path.partition("/")[0] not in SERVED:
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = caching
        return response
