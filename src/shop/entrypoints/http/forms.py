"""Forms of our own pages: read as strictly as JSON is, and the headers that such a page is sent with."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from shop.domain.kernel.errors import Flaw, Invalid
from shop.entrypoints.http.answers import Header

FORM_BYTES_MAX, FIELDS_MAX = 64_000, 50

# Style and pictures from here, forms to here, nothing that runs. A redirect behind a form stays here too: a page that
# leads to another sign-in provider has a link for it, not a form.
PAGE_HEADERS: tuple[Header, ...] = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
            b"base-uri 'none'"
        ),
    ),
    (b"cache-control", b"no-store"),
)


def read_form(raw: bytes, fields: Mapping[str, int]) -> dict[str, str]:
    """The fields of a form, empty where they were not sent; `fields` says how many characters each has at most.

    Raises Invalid for other fields, for one that stands there twice, for what is too long or is no text.
    """
    if len(raw) > FORM_BYTES_MAX:
        raise Invalid(f"A form has at most {FORM_BYTES_MAX} bytes.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Invalid("The form is not UTF-8 in percent-encoding, or has too many fields.") from None
    read = dict.fromkeys(fields, "")
    seen: set[str] = set()
    for name, value in pairs:
        if name not in fields:
            raise _refused(name, "field_unknown", "There is no such field")
        if name in seen:
            raise _refused(name, "field_repeated", "It stands there twice")
        if "\x00" in value or len(value) > fields[name]:
            raise _refused(name, "length", f"At most {fields[name]} characters, none of them null")
        seen.add(name)
        read[name] = value
    return read


def _refused(name: str, code: str, detail: str) -> Invalid:
    return Invalid(f"The field “{name[:60]}”: {detail}.", flaws=(Flaw(f"/{name[:60]}", code, detail),))
