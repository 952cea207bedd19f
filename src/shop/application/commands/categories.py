"""Making categories and changing them. In changes, None leaves a part as it is."""

from collections.abc import Mapping
from typing import ClassVar

from attrs import evolve, frozen

from shop.application.messages import Command, Context, check_version
from shop.application.ports.clock import Ids
from shop.application.ports.markup import Markup
from shop.application.ports.unit_of_work import UnitOfWork
from shop.domain.catalog import Category, CategoryChanged
from shop.domain.kernel.identifiers import CategoryId

PRODUCTS_WRITE = "products:write"


@frozen(kw_only=True)
class CreateCategory(Command[CategoryId]):
    """Makes a category, at the top or below another."""

    requires: ClassVar = PRODUCTS_WRITE
    slug: str
    name: str
    description: str = ""
    parent_id: CategoryId | None = None
    position: int = 0
    seo_title: str = ""
    seo_description: str = ""
    metadata: Mapping[str, str] = {}


async def create_category(
    command: CreateCategory, context: Context, *, uow: UnitOfWork, ids: Ids, markup: Markup
) -> CategoryId:
    description = markup.clean(command.description)
    async with uow(context) as tx:
        category = Category(
            id=ids.new(CategoryId),
            slug=command.slug,
            name=command.name,
            description=description,
            position=command.position,
            seo_title=command.seo_title,
            seo_description=command.seo_description,
            metadata=command.metadata,
            created_at=context.now,
            updated_at=context.now,
        )
        ancestors = await tx.categories.ancestors(command.parent_id) if command.parent_id else []
        category.hang_below(ancestors, context.now)
        tx.categories.save(category)
        tx.answer(category.id)
    return category.id


@frozen(kw_only=True)
class UpdateCategory(Command[None]):
    """Renames, describes or moves a category. `to_top` moves it to the root of the tree."""

    requires: ClassVar = PRODUCTS_WRITE
    category_id: CategoryId
    expected_version: int | None = None
    slug: str | None = None
    name: str | None = None
    description: str | None = None
    parent_id: CategoryId | None = None
    to_top: bool = False
    position: int | None = None
    seo_title: str | None = None
    seo_description: str | None = None
    metadata: Mapping[str, str] | None = None


_CATEGORY_PARTS = ("slug", "name", "description", "position", "seo_title", "seo_description", "metadata")


async def update_category(command: UpdateCategory, context: Context, *, uow: UnitOfWork, markup: Markup) -> None:
    if command.description is not None:
        command = evolve(command, description=markup.clean(command.description))
    async with uow(context) as tx:
        category = await tx.categories.get(command.category_id)
        check_version(category.version, command.expected_version)
        changes = {name: value for name in _CATEGORY_PARTS if (value := getattr(command, name)) is not None}
        if changes:
            category.change(context.now, **changes)
        if command.to_top:
            category.hang_below([], context.now)
        elif command.parent_id is not None and command.parent_id != category.parent_id:
            ancestors = await tx.categories.ancestors(command.parent_id)
            category.hang_below(ancestors, context.now, await tx.categories.levels_below(category.id))
        tx.categories.save(category)


@frozen(kw_only=True)
class DeleteCategory(Command[None]):
    """Removes a category. Its products stay; its children move up."""

    requires: ClassVar = PRODUCTS_WRITE
    category_id: CategoryId
    expected_version: int | None = None


async def delete_category(command: DeleteCategory, context: Context, *, uow: UnitOfWork) -> None:
    async with uow(context) as tx:
        category = await tx.categories.get(command.category_id)
        check_version(category.version, command.expected_version)
        tx.categories.delete(category)
        tx.publish(CategoryChanged(at=context.now, category_id=category.id))
