"""What a page says of the window that it is open in, so that one window never overwrites another's work unseen."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.tasks.drafts import Window

DAY = 86_400.0
HIGHEST = 2**31 - 1

Seconds = Annotated[float, Field(ge=0, le=DAY, allow_inf_nan=False)]


class FromWindow(BaseModel):
    """Whoever names no version knows nothing of windows."""

    draft_version: int | None = Field(default=None, ge=0, le=HIGHEST)
    draft_window: str = Field(default="", max_length=100)
    draft_step: int = Field(default=0, ge=0, le=HIGHEST)
    active_seconds: Seconds = 0.0

    @property
    def window(self) -> Window | None:
        known = self.draft_version
        return None if known is None else Window(known, self.draft_window, self.draft_step)
