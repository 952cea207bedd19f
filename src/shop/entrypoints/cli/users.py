"""`shop users`: customers and staff, and the owner of a new shop."""

from typing import TYPE_CHECKING, Annotated

import typer

from shop.entrypoints.cli.output import AsJson, for_people, moment, print_json, say, show_list
from shop.entrypoints.cli.session import commands, with_shop

# The shop is loaded by the commands that need one: `shop --help` has to be quick.
if TYPE_CHECKING:
    from shop.application.ports.views import AdminUserView
    from shop.application.shop import Shop
    from shop.domain.kernel.identifiers import UserId
    from shop.entrypoints.settings import Settings

app = commands("Customers and staff.")
UserArgument = Annotated[str, typer.Argument(help="user_…, as `shop users list` shows it.")]


@app.command()
def create(
    email: Annotated[str, typer.Option("--email", help="Where they are mailed a link.")],
    name: Annotated[str, typer.Option("--name", help="How they are called.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make somebody's account. They set a password by mail, or sign in by a link."""
    from shop.application.commands.identity.staff import CreateUser

    async def make(shop: "Shop") -> "UserId":
        return await shop.execute(CreateUser(email=email, name=name))

    user_id = with_shop(make)
    if for_people(as_json):
        say(f"{user_id}: mail with a link is on its way once a worker runs.")
    else:
        print_json({"id": str(user_id)})


@app.command("list")
def list_users(
    words: Annotated[str, typer.Option("--q", help="How the e-mail address or the name begins.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List customers and staff, the newest first."""
    from shop.application.ports.paging import PageRequest
    from shop.application.ports.people import UserFilter
    from shop.application.queries.identity import GetUsers

    async def ask(shop: "Shop") -> "list[AdminUserView]":
        page = await shop.ask(GetUsers(which=UserFilter(words=words), page=PageRequest(limit=limit)))
        return page.data

    columns = {
        "id": lambda user: user["id"],
        "e-mail": lambda user: user["email"],
        "name": lambda user: user["name"],
        "status": lambda user: user["status"],
        "roles": lambda user: ", ".join(user["roles"]),
        "orders": lambda user: str(user["orders"]),
        "since": lambda user: moment(user["created_at"]),
    }
    show_list(with_shop(ask), columns, as_json=as_json, nothing="Nobody yet: shop users create --email EMAIL")


@app.command()
def suspend(user_id: UserArgument) -> None:
    """Keep somebody out, within five seconds."""
    from shop.application.commands.identity.staff import UpdateUser
    from shop.domain.identity import UserStatus
    from shop.domain.kernel.identifiers import UserId

    wanted = UserId.parse(user_id)

    async def close(shop: "Shop") -> None:
        await shop.execute(UpdateUser(user_id=wanted, status=UserStatus.SUSPENDED))

    with_shop(close)
    say(f"{user_id} cannot sign in any more.")


@app.command()
def roles(
    user_id: UserArgument,
    names: Annotated[str, typer.Option("--set", help="All roles to have, by comma, such as support,analyst.")],
) -> None:
    """Set somebody's roles."""
    from shop.application.commands.identity.staff import SetUserRoles
    from shop.application.queries.identity import GetRoles
    from shop.domain.identity import RoleNotFound
    from shop.domain.kernel.identifiers import UserId

    wanted_id, wanted = UserId.parse(user_id), {name.strip() for name in names.split(",") if name.strip()}

    async def give(shop: "Shop") -> None:
        known = {role.name: role.id for role in await shop.ask(GetRoles())}
        if unknown := sorted(wanted - known.keys()):
            raise RoleNotFound(f"No role {', '.join(unknown)}; there is: {', '.join(known)}.")
        await shop.execute(SetUserRoles(user_id=wanted_id, role_ids=frozenset(known[name] for name in wanted)))

    with_shop(give)
    say(f"{user_id} is now: {', '.join(sorted(wanted)) or 'a customer'}.")


def setup_link(settings: "Settings | None" = None) -> str:
    """The one-time link that makes the owner; empty where there is one."""
    from shop.application.commands.identity.setup import OfferSetup

    async def offer(shop: "Shop") -> str:
        return await shop.execute(OfferSetup())

    return with_shop(offer, settings)


@app.command()
def setup(as_json: AsJson = False) -> None:
    """Print the one-time link with which a new shop gets its owner."""
    from shop.application.commands.identity.setup import SetupAlreadyDone

    link = setup_link()
    if not link:
        raise SetupAlreadyDone("The shop has its owner.")
    if for_people(as_json):
        say("Good once, for a week:")
        typer.echo(link)
    else:
        print_json({"link": link, "token": link.partition("token=")[2]})
