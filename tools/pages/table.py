"""All generated pages."""

from pathlib import Path

from tools.pages.cli import CLI
from tools.pages.endpoints import ENDPOINTS_PAGE
from tools.pages.events import EVENTS
from tools.pages.personal import PERSONAL_DATA
from tools.pages.ports import PORTS
from tools.pages.problems import PROBLEMS_PAGE
from tools.pages.settings import SETTINGS
from tools.pages.states import STATES

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGES = (SETTINGS, CLI, ENDPOINTS_PAGE, PROBLEMS_PAGE, EVENTS, STATES, PORTS, PERSONAL_DATA)
