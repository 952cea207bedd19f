"""The words and forms of the account pages."""

_BASE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{% block title %}{% endblock %}</title>
<link rel="stylesheet" href="/account/style.css">
</head>
<body>
<main>
<h1>{{ self.title() }}</h1>
{% if problem %}<p role="alert" class="problem">{{ problem }}</p>{% endif %}
{% block body %}{% endblock %}
</main>
</body>
</html>
"""
_STYLE = """body { font: 1.1rem/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff; }
main { max-width: 30rem; margin: auto; }
label { display: block; margin: 1rem 0 0.3rem; }
input { font: inherit; width: 100%; padding: 0.6rem; box-sizing: border-box; border: 1px solid #666; }
button { font: inherit; padding: 0.6rem 1.2rem; margin-top: 1rem; border: 0; background: #0b5394; color: #fff; }
:focus-visible { outline: 3px solid #f90; outline-offset: 2px; }
.problem { border-left: 0.4rem solid #b00; padding-left: 1rem; }
"""
_EMAIL = """<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required maxlength="254">
"""
_WORDS = """<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="{}" required maxlength="1024">
"""
_NAME = """<label for="name">Name</label>
<input id="name" name="name" autocomplete="name" maxlength="200">
"""
_CODE = """<label for="code">Code of your app, or a recovery code</label>
<input id="code" name="code" autocomplete="one-time-code" required maxlength="100">
"""
_CARRIED = '<input type="hidden" name="token" value="{{ token }}">\n'
_ID = '<input type="hidden" name="id" value="{{ id }}">\n'
_NEW = _WORDS.format("new-password")


def _form(title: str, fields: str, button: str, below: str = "") -> str:
    return (
        '{% extends "base" %}{% block title %}' + title + "{% endblock %}{% block body %}"
        f'<form method="post">\n{fields}<button>{button}</button>\n</form>\n{below}'
        "{% endblock %}"
    )


_SESSIONS = """{% extends "base" %}{% block title %}My devices{% endblock %}{% block body %}
<p>Signed in as {{ email }}.</p>
<ul>
{% for one in sessions %}<li>{{ one.user_agent or "unknown device" }}, {{ one.source or "unknown network" }},
last seen {{ one.last_seen_at.strftime("%Y-%m-%d %H:%M") }} UTC{% if one.current %} (this one){% endif %}
<form method="post"><input type="hidden" name="csrf_token" value="{{ csrf }}">
<input type="hidden" name="session" value="{{ 'this' if one.current else one.id }}">
<button>Sign out</button></form></li>
{% endfor %}</ul>
<form method="post"><input type="hidden" name="csrf_token" value="{{ csrf }}">
<input type="hidden" name="session" value="others"><button>Sign every other device out</button></form>
{% endblock %}"""

TEMPLATES = {
    "base": _BASE,
    "style": _STYLE,
    "sign-in": _form(
        "Sign in",
        _EMAIL + _WORDS.format("current-password"),
        "Sign in",
        '<p><a href="/account/forgot">Forgotten password</a></p>\n'
        '{% for name in providers %}<p><a href="/api/auth/oauth/{{ name }}/authorize">Sign in with {{ name }}</a></p>\n'
        "{% endfor %}",
    ),
    "connect": _form(
        "Connect this account",
        _CARRIED
        + '<p>There is an account with this e-mail address already. <a href="/account/sign-in" target="_blank" '
        'rel="noopener">Sign in to it</a>, then connect it here.</p>\n',
        "Connect",
    ),
    "second-step": _form("The second step", _CARRIED + _CODE, "Go on"),
    "link": _form("Sign in", _CARRIED, "Sign in"),
    "forgot": _form("Ask for a new password", _EMAIL, "Send a link"),
    "reset": _form("Set a new password", _CARRIED + _NEW, "Set it"),
    "verify": _form("Confirm your address", _CARRIED, "Confirm"),
    "setup": _form("Make the owner of this shop", _CARRIED + _EMAIL + _NEW + _NAME, "Make the owner"),
    "invitation": _form("Join the staff", _CARRIED + _ID + _NEW + _NAME, "Join"),
    "said": '{% extends "base" %}{% block title %}Done{% endblock %}{% block body %}<p>{{ said }}</p>\n'
    '<p><a href="/account/sign-in">Sign in</a></p>{% endblock %}',
    "sessions": _SESSIONS,
}
