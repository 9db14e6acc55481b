"""What researchers choose by addresses, and tables that leave as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator
from starlette.responses import Response

Empty = BeforeValidator(lambda value: None if value == "" else value)


class AddressFilters(BaseModel):
    """As they stand in the address: what was left empty (`Annotated[int | None, Empty]`) means any."""

    def address(self) -> str:
        return urlencode(self.model_dump(mode="json", exclude_none=True))


def csv_download(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """With a head; what is None or missing is empty."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(csv_text(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Formulas are defused: spreadsheets run them."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    writer.writerows({name: _defused(cell) for name, cell in row.items()} for row in rows)
    return file.getvalue()


def _defused(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
