# Everything this project does from a fresh clone. Needs git, make and Python 3.11 or newer with venv.

PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 2

VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

# Whoever is done with its own tests takes some of the others'.
PYTEST := $(BIN)/pytest -q -n $(WORKERS) --dist worksteal

# A stamp per requirement file: what is installed and has not changed since is not installed again.
DEMO := $(VENV)/.demo-installed
DEV := $(VENV)/.dev-installed

.DEFAULT_GOAL := help
.PHONY: help demo test check fmt bench prove wheel lock clean

help: ## Show what there is to run
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(DEMO) ## Start a seeded shop on SQLite at PORT (8000) and print its card
	@$(BIN)/shop demo --port $(PORT)

test: $(DEV) ## Run every test: first those that coverage looks at, with its floors, then the others
	@mkdir -p build/coverage && rm -f build/coverage/data*
	$(PYTEST) -m traced --cov --cov-report=
	$(BIN)/coverage json -q
	$(BIN)/python -m tests.project.coverage_floors build/coverage.json
	$(PYTEST) -m "not traced"

check: $(DEV) ## Check format, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fmt: $(DEV) ## Format the code and repair what the linter can repair
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(DEV) ## Measure the shop beside its limits and write build/bench.json
	$(BIN)/python -m benchmarks

prove: $(DEV) ## Run the slow proofs and the simulation with their full figures
	SHOP_PROVE=1 $(BIN)/pytest -q -m prove --timeout=7200

wheel: $(DEV) ## Build the wheel and the source archive into dist/
	$(BIN)/python -m hatchling build -d dist

lock: $(DEV) ## Resolve pyproject.toml's dependencies anew into requirements/
	$(COMPILE) --all-extras --group dev -o requirements/dev.txt
	$(COMPILE) --extra all --group build -c requirements/dev.txt -o requirements/production.txt
	$(COMPILE) --extra demo --group build -c requirements/dev.txt -o requirements/demo.txt
	$(COMPILE:pyproject.toml=) --group workflow -o requirements/workflow.txt

# One lock for all supported Pythons and systems, with hashes and without the name of any index.
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header $(if $(UPGRADE),--upgrade)

clean: ## Remove what was built, installed and cached (the demo's shop-demo/ stays)
	rm -rf $(VENV) build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(DEMO): requirements/demo.txt pyproject.toml | $(VENV)
	@echo "Installing what requirements/demo.txt locks into $(VENV): once, and about a minute …"
	@$(call install,requirements/demo.txt)
	@touch $@

$(DEV): requirements/dev.txt pyproject.toml | $(VENV)
	@echo "Installing what requirements/dev.txt locks into $(VENV): once, and about a minute …"
	@$(call install,requirements/dev.txt)
	@touch $@ $(DEMO)

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed (PYTHON=...)" if sys.version_info < (3, 11) else 0)'
ifdef UV
	@uv venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)
else
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
endif

# The locked packages with their hashes, then this package itself, editable, built with what the lock brought. The lock
# is whole, so nothing is resolved anew: pip would look at newer releases for a requirement with extras, and refuse them.
ifdef UV
install = uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r $(1) \
	&& uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
else
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(1) \
	&& $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
