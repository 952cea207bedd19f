"""`shop db`: the schema of the database."""

import asyncio
from typing import Annotated

import typer

from shop.entrypoints.cli.output import AsJson, for_people, print_json, say
from shop.entrypoints.cli.session import commands, read_settings

app = commands("The schema of the database.")


@app.command()
def upgrade() -> None:
    """Bring the schema up to date."""
    from shop.entrypoints import database

    settings = read_settings()
    asyncio.run(database.upgrade(settings))
    say("The schema is up to date.")


@app.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go back to; “base” for no tables at all.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take the schema back. What the newer schema keeps is lost."""
    from shop.entrypoints import database

    settings = read_settings()
    if not yes:
        typer.confirm(f"Take {settings.storage} back to “{revision}”? Data may be lost.", abort=True)
    asyncio.run(database.downgrade(settings, revision))
    say(f"The schema is at {revision}.")


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say how the schema stands: exit code 0 when it is up to date, 6 when it is behind."""
    from shop.entrypoints import database

    found = asyncio.run(database.status(read_settings()))
    if found is None:
        say("This storage has no schema to migrate.")
        return
    if not for_people(as_json):
        print_json({"current": found.current, "needed": found.needed, "up_to_date": found.up_to_date})
    elif found.up_to_date:
        say(f"Up to date, at {found.current}.")
    if not found.up_to_date:
        raise database.SchemaBehind(
            f"The schema is at “{found.current or 'nothing'}”; this version needs “{found.needed}”."
        )
