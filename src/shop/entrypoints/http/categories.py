"""Categories: the tree that shoppers browse by."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field

from shop.application.commands.categories import CreateCategory, DeleteCategory, UpdateCategory
from shop.application.ports.views import CategoryView
from shop.application.queries.catalog import GetCategories, GetCategory
from shop.domain.catalog import POSITION_MAX
from shop.domain.kernel.identifiers import CategoryId
from shop.entrypoints.http.answers import Answer
from shop.entrypoints.http.bodies import (
    Body,
    IdText,
    Metadata,
    MetadataChange,
    Slug,
    Text,
    given,
    identifier,
    merged,
)
from shop.entrypoints.http.calls import Call
from shop.entrypoints.http.endpoints import Endpoints, Shows, Who
from shop.entrypoints.http.parameters import expand, fields
from shop.entrypoints.http.parameters import identifier as id_parameter
from shop.entrypoints.representation import Plain

endpoints = Endpoints("categories")
WRITE = "products:write"

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Description = Annotated[str, Meta(max_length=20_000)]
Position = Annotated[int, Meta(ge=-POSITION_MAX, le=POSITION_MAX)]


class CategoryBody(Body):
    """A category to be made, at the top or below another."""

    slug: Slug
    name: Name
    description: Description = ""
    parent_id: IdText | None = None
    position: Position = 0
    seo_title: Text = ""
    seo_description: Annotated[str, Meta(max_length=1000)] = ""
    metadata: Metadata = field(default_factory=dict)


class CategoryChange(Body):
    """What is to be changed about a category: a merge patch. A null `parent_id` moves it to the top."""

    slug: Slug | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    parent_id: IdText | UnsetType | None = UNSET
    position: Position | UnsetType = UNSET
    seo_title: Text | UnsetType | None = UNSET
    seo_description: Annotated[str, Meta(max_length=1000)] | UnsetType | None = UNSET
    metadata: MetadataChange | UnsetType | None = UNSET


async def _current(call: Call) -> Plain:
    return call.representation.plain(await call.ask(GetCategory(id_or_slug=call.id(CategoryId))))


_ONE = Shows(view=CategoryView)
_CHANGES: dict[str, Any] = {"scope": WRITE, "if_match": True, "current": _current}


@endpoints.get(
    "/api/categories",
    "category_tree",
    Who.PUBLIC,
    "The tree of categories",
    query=(id_parameter("parent", CategoryId, "Only the branch below this one."), fields(CategoryView)),
    shows=Shows(view=CategoryView, many=True),
    conditional=True,
    remembered=True,
    problems=("not_found",),
)
async def category_tree(call: Call) -> Answer:
    """The whole tree, or one branch: children inside their parents, by position and then name."""
    return call.whole(await call.ask(GetCategories(parent=call.query.get("parent"))))


@endpoints.get(
    "/api/categories/{id_or_slug}",
    "category_get",
    Who.PUBLIC,
    "One category",
    query=(expand("ancestors", "children"), fields(CategoryView)),
    shows=_ONE,
    conditional=True,
    remembered=True,
    problems=("not_found",),
)
async def category_get(call: Call) -> Answer:
    """One category by id or slug, with its path from the root and its children if asked for."""
    asked = GetCategory(id_or_slug=call.id_or_slug(CategoryId), expand=call.query.get("expand", frozenset()))
    return call.one(await call.ask(asked))


@endpoints.post(
    "/api/categories",
    "category_create",
    Who.STAFF,
    "Make a category",
    scope=WRITE,
    body=CategoryBody,
    example={"slug": "shirts", "name": "Shirts", "position": 1},
    status=201,
    shows=_ONE,
    problems=("not_found", "slug_taken"),
)
async def category_create(call: Call) -> Answer:
    """Makes a category, at the top or below another."""
    body: CategoryBody = call.body
    command = CreateCategory(
        slug=body.slug,
        name=body.name,
        description=body.description,
        parent_id=None if body.parent_id is None else identifier(CategoryId, body.parent_id, "/parent_id"),
        position=body.position,
        seo_title=body.seo_title,
        seo_description=body.seo_description,
        metadata=body.metadata,
    )
    category_id = await call.execute(command)
    await call.catalog_changed()
    return call.one(await call.ask(GetCategory(id_or_slug=category_id)), location=f"/api/categories/{category_id}")


@endpoints.patch(
    "/api/categories/{id}",
    "category_update",
    Who.STAFF,
    "Change a category",
    body=CategoryChange,
    example={"name": "Shirts and blouses", "parent_id": None},
    shows=_ONE,
    problems=("not_found", "slug_taken", "category_loops", "conflict"),
    **_CHANGES,
)
async def category_update(call: Call) -> Answer:
    """Renames, describes or moves a category."""
    body: CategoryChange = call.body
    category_id, version = call.id(CategoryId), call.expected_version()
    changes = given(body, "slug", "name", "description", "position", "seo_title", "seo_description")
    if body.parent_id is None:
        changes["to_top"] = True
    elif not isinstance(body.parent_id, UnsetType):
        changes["parent_id"] = identifier(CategoryId, body.parent_id, "/parent_id")
    if body.metadata is not UNSET:
        changes["metadata"] = merged((await call.ask(GetCategory(id_or_slug=category_id))).metadata, body.metadata)
    await call.execute(UpdateCategory(category_id=category_id, expected_version=version, **changes))
    await call.catalog_changed()
    return call.one(await call.ask(GetCategory(id_or_slug=category_id)))


@endpoints.delete(
    "/api/categories/{id}",
    "category_delete",
    Who.STAFF,
    "Delete a category",
    problems=("not_found", "conflict"),
    **_CHANGES,
)
async def category_delete(call: Call) -> Answer:
    """Removes a category. Its products stay; its children move up."""
    await call.execute(DeleteCategory(category_id=call.id(CategoryId), expected_version=call.expected_version()))
    await call.catalog_changed()
    return call.nothing()
