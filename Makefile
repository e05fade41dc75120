# Two commands do everything: `make lab` to work through the course, `make test` to check all of it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
# Tests often wait, so four processes run them on two cores, too; a replay computes all the time. More than four
# could run out of memory.
PARALLEL := --numprocesses 4
REPLAY := COURSE_DATA=embedded CUDA_VISIBLE_DEVICES= $(BIN)/pytest -p no:cacheprovider --nbval --nbval-cell-timeout=120 --numprocesses logical --maxprocesses 4 --dist loadfile solutions

.PHONY: lab progress start-over hand-in instructor data tools test everything variants build student wheel site bench lock

lab: $(READY) ## open the course in JupyterLab
	$(BIN)/python -m course_utils.lab $(ARGS)

progress: $(READY) ## what is done and what is open, from the notebooks as they were last saved
	$(BIN)/python -m course_utils.progress

start-over: $(READY) ## begin an exercise again: make start-over CHAPTER=01_tensors EXERCISE=ramp
	$(BIN)/python -m course_utils.start_over $(CHAPTER) $(EXERCISE)

hand-in: $(READY) ## check a chapter of work/ and pack it for handing in: make hand-in CHAPTER=01_tensors
	$(BIN)/python -m course_utils.hand_in $(CHAPTER) $(ARGS)

data: $(READY) ## fetch the real data sets
	$(BIN)/python -c "from course_utils import data; raise SystemExit(data.main())"

# Formgrader calls alembic by its name. The settings are those for instructors: no news.
instructor: $(TOOLS) ## JupyterLab for instructors, on the whole course, with formgrader
	PATH="$(CURDIR)/$(BIN):$$PATH" JUPYTER_CONFIG_PATH="$(CURDIR)/course_grader/jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
		$(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" $(ARGS)

tools: $(TOOLS) ## set up what instructors and contributors need, too: course-grader, nbgrader, the build, the tests

test: $(TOOLS) ## all tests but the slow ones that rarely tell anything, and a replay of every solved notebook
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pytest $(PARALLEL)
	$(REPLAY)

everything: test variants ## and what `make test` leaves out: real nbgrader over all chapters, the variants of the replay, mutants
	$(BIN)/pytest $(PARALLEL) -m everything
	$(BIN)/python -m tests.mutate

variants: $(TOOLS) ## the replay on one thread, and on plainer instructions of the CPU
	OMP_NUM_THREADS=1 $(REPLAY)
	ATEN_CPU_CAPABILITY=default $(REPLAY)
	ONEDNN_MAX_CPU_ISA=SSE41 $(REPLAY)

build: $(TOOLS) ## chapters -> solved notebooks -> student notebooks
	$(BIN)/python -m course_builder build

student: $(TOOLS) ## the pack for a class, in dist/: no tests, and no solutions but with WORKED=yes
	$(BIN)/python -m course_builder student $(if $(filter yes,$(WORKED)),--worked)

wheel: $(TOOLS) ## what the notebooks import, in dist/, for notebooks that run without the course's folder
	$(BIN)/python -m course_builder wheel

site: $(TOOLS) ## all chapters as web pages to read, in site/, which need no network
	$(BIN)/python -m course_builder site

bench: $(TOOLS) ## the measurements that the README quotes; about twenty minutes
	$(BIN)/python -m benchmarks.grading
	$(BIN)/python -m benchmarks.house_prices
	$(BIN)/python -m benchmarks.input_pipeline

# torch pins its CUDA packages itself, and a CPU-only torch needs none: the locks leave them out.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header pyproject.toml
NO_CUDA := grep --invert-match --extended-regexp '^(cuda|nvidia)-|^triton'
lock: $(TOOLS) ## renew requirements-dev.txt and, with the same pins, requirements.txt from pyproject.toml
	$(LOCK) --all-extras --group dev | $(NO_CUDA) > requirements-dev.txt
	$(LOCK) --constraint requirements-dev.txt | $(NO_CUDA) > requirements.txt

# The first time pip tells all that it does; later only what is new, from its own report, and what fails.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
SETUP := Setting up the course in $(VENV)/. This happens once, takes some minutes and about 2 GB of disk, and on Linux some GB more unless the CPU build of torch is there already.
UPDATE := The course has changed: bringing $(VENV)/ up to date. A new torch takes minutes, all else seconds.
REPORT := $(VENV)/installed.json
NEW := import json; new = [one["metadata"] for one in json.load(open("$(REPORT)"))["install"]]; print(*["  new: " + one["name"] + " " + one["version"] for one in new] or ["  nothing new"], sep="\n")
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(None if sys.version_info >= (3, 11) else 'The course needs Python 3.11 or newer; try: make lab PYTHON=python3.11')"
	@echo "$(if $(wildcard $@),$(UPDATE),$(SETUP))"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install $(if $(wildcard $@),--quiet) --report $(REPORT) --requirement requirements.txt
	@$(BIN)/pip install --quiet --no-deps --editable .
	@$(if $(wildcard $@),$(BIN)/python -c '$(NEW)')
	@touch $@

$(TOOLS): requirements-dev.txt $(READY)
	@echo "Setting up the tools of instructors and contributors in $(VENV)/: some minutes the first time."
	@$(BIN)/pip install --quiet --report $(REPORT) --requirement requirements-dev.txt
	@$(BIN)/python -c '$(NEW)'
	@touch $@

requirements-dev.txt:
	@echo "This is the students' pack: make lab, make progress, make start-over, make hand-in and make data are all there is. What tests your work is in the notebooks."; exit 1
