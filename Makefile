# The commands of Saoma. `make run` and `make test` need a fresh clone, Python 3.11
# and a network; everything else they bring along.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: help run install test chaos check docs lock audit bench clean
.DEFAULT_GOAL := help

help:           ## show this
	@grep -hE '^[a-z]+: .*##|^[a-z]+:  +##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

run: install    ## start the server, a store, a database and the WeChat sandbox
	@exec $(BIN)/python server.py --config config.yaml --demo

install: $(VENV)/.installed  ## make the .venv that `make run` uses

# Some fifty processes start: nothing is compiled twice, whatever the environment asks for.
test: $(VENV)/.tools  ## run every test, in a real browser too
	@tests/install_browser
	@tests/install_servers
	@tests/install_node
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 3 --dist loadgroup

chaos: $(VENV)/.tools  ## break everything at random for SECONDS=120; SEED=7 repeats a run
	$(BIN)/python -m tests.faults.chaos --seconds $(or $(SECONDS),120) $(if $(SEED),--seed $(SEED))

check: $(VENV)/.tools  ## format, lint, types, docs freshness
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python docs/render_protocol.py --check

bench: $(VENV)/.tools  ## what Saoma costs, beside a plain server; ROUNDS=5 and PAGES=1000 tune it
	@$(BIN)/python -m benchmarks.run --rounds $(or $(ROUNDS),5) --pages $(or $(PAGES),1000)

docs: $(VENV)/.tools  ## write what is rendered from the code
	$(BIN)/python docs/render_protocol.py

lock: $(VENV)/.tools  ## pin the newest versions of all dependencies, with hashes
	$(BIN)/pip-compile $(LOCK) --all-build-deps -o requirements/run.txt setup.cfg
	$(BIN)/pip-compile $(LOCK) --all-build-deps --extra dev -c requirements/run.txt -o requirements/dev.txt setup.cfg

audit:          ## look all pinned dependencies up in the public advisories; needs the network, no account
	@$(PYTHON) -m venv $(VENV)-audit
	@$(VENV)-audit/bin/pip install -qq --disable-pip-version-check pip-audit
	$(VENV)-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements/dev.txt

clean:          ## remove what can be made again; data/ stays
	rm -rf $(VENV) $(VENV)-audit *.egg-info build .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/sandbox/node/node_modules

LOCK := --quiet --strip-extras --generate-hashes --allow-unsafe --no-header \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --upgrade

# An environment that is broken or half made is made anew.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Saoma needs Python 3.11 or newer; name one with: make PYTHON=python3.11 …" >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { echo "cannot make .venv; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.installed: requirements/run.txt setup.cfg | $(VENV)/.made
	@echo "installing into $(VENV) …"
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e . 2>&1
	@touch $@

$(VENV)/.tools: requirements/dev.txt $(VENV)/.installed
	@echo "installing the tools into $(VENV) …"
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@
