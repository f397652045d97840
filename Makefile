# Everything runs in .venv, which is made when it is missing and brought up to date when pyproject.toml changed.
# Another Python: make clean, then make test PYTHON=python3.13

PYTHON ?= python3
NOTEBOOKS ?=
WORKERS ?= 2
PYODIDE ?=

# In a container one is root, and Jupyter asks to be told that this is meant.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# Idle matrix threads sleep instead of spinning, see mnist_scratch/__init__.py.
export OPENBLAS_THREAD_TIMEOUT ?= 12
BIN := .venv/bin
READY := .venv/.ready
PEERS := .venv/.peers
CLUSTER := .venv/.cluster
BROWSER := .venv/.browser
SITE := .venv/.site
LITE := .venv/.lite

.DEFAULT_GOAL := help
.PHONY: help lab test test-offline test-browser test-cluster test-peers slides site lite notebooks lint format clean remake
.PHONY: bench bench-elastic bench-sliders bench-lite bench-sweep bench-stop bench-server bench-stability

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

# Nothing is fetched while one works: JupyterLab would ask for its own newest version.
lab: $(READY)  ## open the course in JupyterLab
	$(BIN)/python -m jupyterlab --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
		--ServerApp.root_dir="$(CURDIR)" $(AS_ROOT) notebooks/00_start_here.ipynb

# One matrix thread for each worker: threads that wait for each other would take most of the time.
test: lint  ## check the style, run all tests, execute and compare all notebooks
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-offline: $(READY)  ## the same where there is no network but this machine itself (Linux, with unshare and ip)
	unshare --map-root-user --net sh -c 'ip link set lo up && exec $(MAKE) test'

test-browser: $(BROWSER) site  ## move every slider, draw, and read the website in a real browser (needs Chromium and npm)
	$(BIN)/python -m pytest tests/browser

test-cluster: $(CLUSTER)  ## run sweeps on a Dask cluster of several processes, and kill one of them
	$(BIN)/python -m pytest tests/cluster

test-peers: $(PEERS)  ## compare with PyTorch, scikit-learn and JAX: losses, gradients, weights after training
	$(BIN)/python -m pytest benchmarks/test_parity.py

bench: $(PEERS)  ## measure one epoch beside PyTorch, scikit-learn and JAX; some minutes, on an idle machine
	$(BIN)/python benchmarks/bench.py

bench-elastic: $(PEERS)  ## measure one epoch of elastic-mlp beside PyTorch, on the same distorted images
	$(BIN)/python benchmarks/elastic_epoch.py

bench-sliders: $(BROWSER)  ## measure from key press to picture, for every slider, in a real browser
	$(BIN)/python benchmarks/slider_latency.py

bench-lite: $(BROWSER)  ## measure the course in a web page, after make lite PYODIDE=folder; most of an hour
	$(BIN)/python benchmarks/lite.py

bench-sweep: $(READY)  ## measure a sweep on all cores beside the same one on one core; ten minutes, on an idle machine
	$(BIN)/python benchmarks/sweep.py

bench-stop: $(BROWSER)  ## measure from a click on the stop button to an idle kernel, in a real browser
	$(BIN)/python benchmarks/interruption.py

bench-server: $(READY)  ## measure thirty kernels at a time under one server, and the memory of each notebook; half an hour
	$(BIN)/python benchmarks/server.py

bench-stability: $(READY)  ## run all notebooks on old and new packages, other kernels and thread counts; some hours
	$(BIN)/python benchmarks/stability.py

slides: $(READY)  ## make a deck of slides from each notebook, in build/slides (needs npm, once)
	$(BIN)/python tools/slides.py --build build/slides

site: $(SITE)  ## make the website from the stored notebooks, in build/site (needs npm, once)
	$(BIN)/python tools/website.py build/site

lite: $(LITE)  ## make the course that runs in a web page, in build/lite; with Python in it: PYODIDE=folder
	$(BIN)/python tools/lite.py build/lite $(if $(PYODIDE),--pyodide "$(PYODIDE)")

notebooks: $(READY)  ## execute the notebooks in place; one only: NOTEBOOKS="notebooks/01_data.ipynb"
	$(BIN)/python tools/execute_notebooks.py $(NOTEBOOKS)

lint: $(READY)  ## check the style of package, tests and notebooks
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

format: $(READY)  ## bring package, tests and notebooks into shape
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

clean:  ## remove .venv and everything else that can be made again
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find mnist_scratch tests tools notebooks benchmarks \
		\( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# What keeps this machine from making .venv, in one line; nothing when all is well.
PROBLEM = $(shell \
	if ! "$(PYTHON)" -c "" >/dev/null 2>&1; then \
		echo "Python 3.11 or later is needed; '$(PYTHON)' was not found or does not run"; \
	elif ! "$(PYTHON)" -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then \
		found=`"$(PYTHON)" -c "import sys; print('.'.join(map(str, sys.version_info[:3])))"`; \
		echo "Python 3.11 or later is needed; Python $$found found (another one: make PYTHON=python3.13)"; \
	elif ! "$(PYTHON)" -c "import venv, ensurepip" 2>/dev/null; then \
		echo "Python's venv module is missing; on Debian and Ubuntu: sudo apt install python3-venv"; \
	fi)

# The stamp is written last and holds this folder's path, so a .venv whose making was interrupted, that was moved
# with its folder, or that has lost its Python is made again from nothing.
ifneq ($(shell $(BIN)/python -c "" 2>/dev/null && cat $(READY) 2>/dev/null),$(CURDIR))
$(READY): remake
remake:
	$(if $(PROBLEM),$(error $(PROBLEM)))
	@echo "Making .venv (once, a minute or two) ..."
	@"$(PYTHON)" -m venv --clear .venv
endif

$(READY): pyproject.toml
	@echo "Installing what pyproject.toml asks for ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	@echo "$(CURDIR)" > $(READY)

# The extras come on top, each when it is first needed, and again whenever the course itself was installed again.
$(PEERS) $(BROWSER) $(CLUSTER) $(SITE) $(LITE): .venv/.%: $(READY)
	@echo "Installing the extra '$*' of pyproject.toml$(if $(filter peers,$*), (PyTorch may bring some GB)) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test,$*]"
	@touch $@
