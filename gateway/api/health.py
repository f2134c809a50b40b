"""Is the process alive; can it serve."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from gateway.storage.files import FileStore


def router(files: FileStore) -> APIRouter:
    api = APIRouter(prefix="/health", tags=["Health"])

    @api.get("/live", summary="The process runs")
    async def live() -> dict[str, Any]:
        return {"status": "live"}

    @api.get("/ready", summary="Requests can be served")
    async def ready() -> JSONResponse:
        try:
            await files.check()
        except (SQLAlchemyError, OSError) as error:
            return JSONResponse({"status": "unready", "reason": f"database: {type(error).__name__}"}, 503)
        return JSONResponse({"status": "ready"})

    return api
