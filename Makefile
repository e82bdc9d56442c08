# Everything a fresh machine needs: Python 3.11+, a C compiler, the package registries.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check -q
DEMO   := out/demo

.PHONY: demo test test-all lint bench assets pictures clean

demo: $(VENV)/.installed  ## rig the scan that ships and say where the results lie
	$(BIN)/mien rig examples/demo_scan.glb --out $(DEMO) --force

test: $(VENV)/.installed-test node_modules/.installed  ## the fast tests
	$(BIN)/python -m pytest -q

test-all: $(VENV)/.installed-test node_modules/.installed .venv-blender/.installed  ## with slow tests and Blender
	$(BIN)/python -m pytest -q -m "not gpu and not data"

lint: $(VENV)/.installed-test  ## style, types, and the direction in which rooms may import
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed  ## our numbers beside those of others, on this machine
	$(BIN)/mien bench

assets: $(VENV)/.installed-assets  ## build what is out of date of src/mien/assets/ and the demo scan
	$(BIN)/python -m tools.build_assets

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "mien: Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The landmark models travel inside the mediapipe package; the package itself is never imported,
# so its own dependencies (which contradict ours) are left out.
$(VENV)/.installed: requirements/run.txt requirements/models.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install -r requirements/run.txt
	$(PIP) install --no-deps -r requirements/models.txt
	$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/.installed-test: requirements/test.txt $(VENV)/.installed
	$(PIP) install -r requirements/test.txt
	@touch $@

$(VENV)/.installed-assets: requirements/assets.txt $(VENV)/.installed-test
	$(PIP) install --no-deps -r requirements/assets.txt
	@touch $@

# The Khronos validator; without npm the tests that need it are skipped by name.
node_modules/.installed: package.json package-lock.json
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund && touch $@; \
	 else echo "mien: npm is not installed: the glTF validator is skipped (install Node.js 18+)"; fi

.venv-blender/.installed:
	$(PYTHON) -m venv .venv-blender
	.venv-blender/bin/python -m pip --disable-pip-version-check -q install bpy==5.0.1
	@touch $@

clean:
	rm -rf out .pytest_cache .mypy_cache .ruff_cache
