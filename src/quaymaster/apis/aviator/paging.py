"""Pages of lists: which one is asked for, and where its neighbours are (AVIATOR 3)."""

from dataclasses import dataclass

from quaymaster.apis.aviator.asked import AviatorRequest

USUAL, MOST = 10, 100


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its number, from 1, and how much stands on it."""

    number: int
    count: int


def page_of(request: AviatorRequest, usual: int = USUAL) -> Page:
    """The page that the query names. Raises Problem 400 `Invalid page`, `Invalid per_page`."""
    return Page(request.whole("page", 1), min(request.whole("per_page", usual), MOST))


def links(request: AviatorRequest, page: Page, *, is_more: bool) -> dict[str, str]:
    """The header that says where the pages before and after are, where there are such."""
    places = {"prev": page.number - 1, "next": page.number + 1 if is_more else 0}
    found = [
        f'<{request.asked.url}?page={number}&per_page={page.count}>; rel="{name}"'
        for name, number in places.items()
        if number
    ]
    return {"Link": ", ".join(found)} if found else {}
