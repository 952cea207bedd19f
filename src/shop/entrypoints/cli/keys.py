"""`shop keys`: secret keys for programs and people."""

from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import AsJson, for_people, moment, print_json, say, show_list
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.commands.identity.keys import NewApiKey
    from shop.application.ports.views import ApiKeyView
    from shop.application.shop import Shop

app = commands("Secret keys for programs and people.")


@app.command()
def create(
    name: Annotated[str, typer.Option("--name", help="What the key is for.")],
    scopes: Annotated[
        str, typer.Option("--scopes", help="By comma, such as orders:read,products:write; * is every scope.")
    ],
    as_json: AsJson = False,
) -> None:
    """Mint a secret key. Its secret is shown this once."""
    from shop.application.commands.identity.keys import CreateApiKey

    wanted = frozenset(scope.strip() for scope in scopes.split(",") if scope.strip())

    async def mint(shop: "Shop") -> "NewApiKey":
        return await shop.execute(CreateApiKey(name=name, scopes=wanted))

    key = with_shop(mint)
    if for_people(as_json):
        say(f"{key.id}: keep the secret now, it is not shown again.")
        typer.echo(key.secret)
    else:
        print_json({"id": str(key.id), "secret": key.secret})


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, never their secrets."""
    from shop.application.queries.identity import GetApiKeys

    async def ask(shop: "Shop") -> "list[ApiKeyView]":
        return await shop.ask(GetApiKeys())

    columns = {
        "id": lambda key: key["id"],
        "name": lambda key: key["name"],
        "ends in": lambda key: key["last4"],
        "scopes": lambda key: ", ".join(key["scopes"]),
        "made by": lambda key: key.get("created_by") or "",
        "created": lambda key: moment(key["created_at"]),
        "revoked": lambda key: moment(key.get("revoked_at")),
    }
    nothing = "No keys yet: shop keys create --name NAME --scopes SCOPES"
    show_list(with_shop(ask), columns, as_json=as_json, nothing=nothing)


@app.command()
def rotate() -> None:
    """Sign access tokens with a new key from now on. What the old one signed stays good until it expires."""
    from shop.application.commands.identity.keys import RotateSigningKeys

    async def change(shop: "Shop") -> str:
        return str(await shop.execute(RotateSigningKeys()))

    say(f"New access tokens are signed with {with_shop(change)}.")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="key_…, as `shop keys list` shows it.")]) -> None:
    """Close everything that a key opens, within five seconds."""
    from shop.application.commands.identity.keys import RevokeApiKey
    from shop.domain.kernel.identifiers import ApiKeyId

    wanted = ApiKeyId.parse(key_id)

    async def close(shop: "Shop") -> None:
        await shop.execute(RevokeApiKey(key_id=wanted))

    with_shop(close)
    say(f"{key_id} opens nothing any more.")
