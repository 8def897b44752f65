# Two commands do all: `make demo` opens the console on a recorded real server, `make test` runs every test.
PYTHON ?= python3
VENV   ?= .venv
RUN    := $(VENV)/bin/python
SUDO   := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: demo test check fuzz lab lab-down bench lock pictures clean

demo: $(VENV)/.runtime
	$(RUN) -m cyrtui demo

# Everything: formats, lint, types, the import contract, and all tests, those on the real Cyrus stack included.
# What is written to a terminal depends on how much else goes on: the tests that count it run alone, after the others.
test: check
	$(SUDO) $(RUN) -c 'from tests.lab import packages; packages.ensure()'
	$(SUDO) $(RUN) -m pytest -m "not alone" -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
	$(SUDO) $(RUN) -m pytest -m alone

check: $(VENV)/.dev
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy -p cyrtui -p tests
	$(VENV)/bin/lint-imports

# The property tests with examples that no run has had.
fuzz: $(VENV)/.dev
	CYRTUI_FUZZ=1 $(RUN) -m pytest -m hypothesis -n auto --maxprocesses 4 --dist loadfile

# The console on a real server: rsyslog, slapd and Cyrus in namespaces of their own.
lab: $(VENV)/.dev
	$(SUDO) $(RUN) -m tests.lab console

lab-down:
	$(SUDO) $(RUN) -m tests.lab down

bench: $(VENV)/.dev
	$(SUDO) $(RUN) -m tests.bench

# cairosvg draws with the system's library and fonts.
pictures: $(VENV)/.dev
	dpkg-query --show libcairo2 fonts-dejavu-core >/dev/null || \
		{ $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends libcairo2 fonts-dejavu-core; }
	$(RUN) -m tests.screens.export_pictures

# Debian keeps ensurepip in a package of its own; without it a virtual environment has no pip.
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "cyrtui needs Python 3.11 or newer. Name one: make PYTHON=/usr/bin/python3.12 demo"; false; }
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: $(VENV)/bin/pip requirements.lock pyproject.toml
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

$(VENV)/.dev: $(VENV)/bin/pip requirements-dev.lock pyproject.toml
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@ $(VENV)/.runtime

lock: $(VENV)/.dev
	$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 pyproject.toml -o requirements.lock
	$(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist bench-out *.egg-info .mypy_cache .ruff_cache .pytest_cache
