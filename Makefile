# Everything runs in .venv, which is made when it is missing and brought up to date when pyproject.toml changed.
# Another Python: make clean, then make test PYTHON=python3.13

PYTHON ?= python3
NAME ?=
TESTS ?=
NOTEBOOKS ?=
PYODIDE ?=
PDF ?=
WORKERS ?= 2
EXTRAS ?=
FOR ?=

# In a container one is root, and Jupyter asks to be told that this is meant.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# Idle matrix threads sleep instead of spinning, see mnist_scratch/threads.py.
export OPENBLAS_THREAD_TIMEOUT ?= 12
BIN := .venv/bin
READY := .venv/.ready
DEV := .venv/.dev
PEERS := .venv/.peers
FAST := $(patsubst %,tests/core/test_%.py,functions data network gradient_check optimizers training)
FAST += tests/classroom/test_exercises.py $(patsubst %,tests/project/test_%.py,structure papers)

.DEFAULT_GOAL := help
.PHONY: help lab test test-fast bench slides site lite student notebooks format clean remake

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

lab: $(READY)  ## open the course in JupyterLab
	$(BIN)/python -m jupyterlab --ServerApp.root_dir="$(CURDIR)" $(AS_ROOT) notebooks/00_start_here.ipynb

# One matrix thread for each worker: threads that wait for each other would take most of the time.
test: $(READY) $(if $(findstring cluster,$(TESTS)),$(DEV)) $(if $(findstring browser,$(TESTS)),$(DEV) site) $(if $(findstring benchmarks,$(TESTS)),$(PEERS))  ## check the style, run all tests and all notebooks; some: TESTS=tests/browser, tests/cluster, benchmarks
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(if $(TESTS),0,$(WORKERS)) --dist loadfile $(TESTS)

test-fast: $(READY)  ## check the style, test core, exercises, structure and pages: after every change
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) $(FAST)

bench: $(if $(NAME),$(if $(filter peers elastic,$(NAME)),$(PEERS),$(DEV)),$(READY))  ## list what can be measured; measure one of it: NAME=sliders
	@$(BIN)/python -m benchmarks $(NAME)

slides: $(READY)  ## make a deck of slides from each notebook, in build/slides (needs npm, once)
	$(BIN)/python -m tools.slides build/slides

site: $(DEV)  ## make the website from the stored notebooks, in build/site (needs npm, once); as a PDF too: PDF=yes
	$(BIN)/python -m tools.website build/site $(if $(PDF),--pdf)

lite: $(DEV)  ## make the course that runs in a web page, in build/lite; with Python in it: PYODIDE=folder
	$(BIN)/python -m tools.lite build/lite $(if $(PYODIDE),--pyodide "$(PYODIDE)")

# A rule for those who change products.c; what it makes is in the repository.
mnist_scratch/browser/products.wasm: mnist_scratch/browser/products.c tools/products.py | $(READY)
	$(BIN)/python -m tools.products

student: $(READY)  ## make the edition to hand out, without solutions, in build/student; FOR=nbgrader or otter
	$(BIN)/python -m tools.student build/student $(FOR:%=--%)

notebooks: $(READY)  ## execute the notebooks in place; one only: NOTEBOOKS="notebooks/01_data.ipynb"
	$(BIN)/python -m tools.execute_notebooks $(NOTEBOOKS)

format: $(READY)  ## bring package, tests, notebooks and, where npm is, JavaScript into shape
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .
	@$(BIN)/python -m tools.javascript --write

clean:  ## remove .venv and everything else that can be made again
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find mnist_scratch tests tools notebooks benchmarks results docs \
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

# JupyterLab must not greet a class with a question about its maker's news; nor ask for its own newest version.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable
$(READY): pyproject.toml
	@echo "Installing what pyproject.toml asks for ..."
	@$(INSTALL) ".[test$(EXTRAS:%=,%)]"
	@$(BIN)/python -m jupyter labextension disable --log-level=ERROR @jupyterlab/apputils-extension:announcements
	@echo "$(CURDIR)" > $(READY)
	@touch $(READY) $(EXTRAS:%=.venv/.%)

# The extras come on top, each when it is first needed, and again whenever the course itself was installed again.
$(DEV) $(PEERS): .venv/.%: $(READY)
	@echo "Installing the extra '$*' of pyproject.toml$(if $(filter peers,$*), (PyTorch may bring some GB)) ..."
	@$(INSTALL) ".[test,$*]"
	@touch $@
