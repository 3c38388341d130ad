# make demo   the whole workbook, end to end, on sample photographs (a few minutes after the installation)
# make test   the tests of all notebooks
# make app    the page to restore on, in a browser
# make lab    JupyterLab, at the first page of the book
# make book   the book in HTML, outputs/book: all notebooks as they were executed, and a reference
# make docs   after editing notebooks: export the package, clean the notebooks, write README.md and README.ko.md
# make lint   ruff and mypy, as .ci/run has them
# All of them set up .venv first, once. On Windows they want a shell such as Git's; without one, README.md has the commands.

NEED_GB := 10
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python py; do \
	"$$p" -c '$(SUPPORTED)' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
export JUPYTER_PLATFORM_DIRS := 1

.PHONY: demo test app lab book docs lint install clean

demo: install
	$(BIN)/restorecolor run demo

# the tests of two notebooks at a time: idle threads leave the processors to others
test: export OMP_WAIT_POLICY := PASSIVE
test: install
	$(BIN)/nbdev_test --n_workers 2 --do_print

app: install
	@$(BIN)/python -c 'import gradio' 2>/dev/null || $(BIN)/python -m pip install -e '.[app]'
	$(BIN)/python -c 'from restorecolor.app import launch; launch()'

lab: install
	$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/nbs/index.ipynb

book: install
	$(BIN)/python .ci/book/make.py

docs: install
	$(BIN)/nbdev_export && $(BIN)/python .ci/tidy.py && $(BIN)/nbdev_clean && $(BIN)/python .ci/readme.py

lint: install
	$(BIN)/ruff check --quiet && $(BIN)/mypy

install: .venv/installed

.venv/installed: settings.ini setup.py
	@[ -n "$(PYTHON)" ] || { echo "restorecolor needs Python 3.11, 3.12 or 3.13, and none was found (make PYTHON=/path/to/python names one)"; exit 1; }
	@"$(PYTHON)" -c '$(SUPPORTED)' || { echo "restorecolor needs Python 3.11, 3.12 or 3.13; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)"; exit 1; }
	@[ -d .venv/lib ] || [ $$(df -Pk . | awk 'NR==2 {print int($$4 / 1048576)}') -ge $(NEED_GB) ] || \
		{ echo "the installation needs $(NEED_GB) GB, and this disk has $$(df -Pk . | awk 'NR==2 {print int($$4 / 1048576)}') GB left"; exit 1; }
	@[ -x $(BIN)/python ] || "$(PYTHON)" -m venv .venv
	$(BIN)/python -m pip install --upgrade pip
	$(BIN)/python -m pip install -e '.[dev]' || { echo "the installation did not finish (see above); the same command goes on"; exit 1; }
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info
