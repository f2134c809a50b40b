PYTHON ?= python3
UV := $(shell command -v uv)
VENV = $(if $(UV),$(UV) venv -q --allow-existing --python $(PYTHON) .venv,$(PYTHON) -m venv .venv)
INSTALL = $(if $(UV),$(UV) pip install -q --python .venv,.venv/bin/python -m pip install -q --disable-pip-version-check)
COMPILE = .venv-lock/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" pyproject.toml -

# What `pip install -e . --no-build-isolation` needs; locked with the rest.
BUILD = hatchling editables

.DEFAULT_GOAL := help
.PHONY: help demo test check bench compliance docs lock clean

help:  ## list these targets
	@sed -n 's/^\([a-z]*\): .*## \(.*\)/  make \1	\2/p' Makefile

demo: .venv/.runtime  ## ask the simulator about a picture, through the gateway and the OpenAI SDK
	@.venv/bin/arkway demo

test: .venv/.dev  ## run the test suite (ARGS="-k sse" passes options to pytest)
	@.venv/bin/python -m pytest $(ARGS)

clients: .venv/.dev  ## run other people's clients against the gateway; needs Node.js 20 (ARGS="node_vercel" for one)
	@.venv/bin/python -m tests.clients $(ARGS)

check: .venv/.dev  ## lint, formatting and types
	@.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

bench: .venv/.dev  ## measure speed and memory (ARGS="--quick" for a short round)
	@.venv/bin/python -m benchmarks $(ARGS)

compliance: .venv/.dev  ## run the Open Responses compliance tests (OPENRESPONSES=path/to/checkout, run by bun)
	@.venv/bin/python -m tests.e2e.compliance "$(OPENRESPONSES)" $(ARGS)

docs: .venv/.runtime  ## write docs/compatibility.md anew from the backends' declarations
	@.venv/bin/python -m gateway.compatibility > docs/compatibility.md.new && mv docs/compatibility.md.new docs/compatibility.md

lock:  ## renew requirements.lock and requirements-dev.lock (ARGS="--upgrade" moves to the newest versions)
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install -q --disable-pip-version-check uv
	@echo $(BUILD) | tr " " "\n" | $(COMPILE) --extra demo -o requirements.lock $(ARGS)
	@echo $(BUILD) | tr " " "\n" | $(COMPILE) --extra demo --extra dev -c requirements.lock -o requirements-dev.lock $(ARGS)

clean:  ## remove the environments and everything else that was generated
	rm -rf .venv .venv-lock .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The development packages hold the others at the same versions, so one environment serves both.
.venv/.runtime: pyproject.toml requirements.lock
	$(call environment,requirements.lock)
	@touch $@

.venv/.dev: pyproject.toml requirements-dev.lock
	$(call environment,requirements-dev.lock)
	@touch .venv/.runtime $@

define environment
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Arkway needs Python 3.11 or newer; $(PYTHON) is not. Name one that is: make PYTHON=python3.12 ..." >&2; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; install its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; }
@echo "Installing $(1) into .venv ..." >&2
@$(VENV)
@$(INSTALL) --require-hashes -r $(1)
@$(INSTALL) --no-deps --no-build-isolation -e .
endef
