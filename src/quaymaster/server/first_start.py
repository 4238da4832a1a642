"""What only the first start does: it makes the administrator."""

from quaymaster.actions.people import people
from quaymaster.store.postgres import database as databases


async def administrator(dsn: str, chosen: str | None) -> str | None:
    """Make the administrator of a new installation.

    Returns the token to be shown, once; None when there is nothing to show, because this is not
    the first start or because the operator chose the token.
    """
    database = await databases.connect(dsn, max_size=1)
    try:
        made = await people.create_administrator(database, chosen)
    finally:
        await database.close()
    return made.text if made and not chosen else None
