# Two commands do everything: `make demo`, `make test`. Each line also works by hand.

PYTHON ?= python3
BIN := .venv/bin
# Tests run in two processes, so each gets one thread.
TEST_ENV := OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1

.PHONY: demo cells test lint golden pictures clean

demo: .venv/installed
	$(BIN)/fpnc compile specs/bifpn.yaml --phi 3
	$(BIN)/python -m fpncompiler.detection.demo generated.bifpn_d3 tests/data/chelsea.png --out build/demo.png
	$(BIN)/fpnc predict docs/cells/cells.safetensors docs/cells/blood_smear.jpg --score 0.4 -o build

# Train the detector of the demo anew (about an hour on two cores), and all that is said of it.
# DATA is https://github.com/Shenggan/BCCD_Dataset, or any folder of that layout.
DATA ?= ../shared/data/bccd
CELLS := docs/cells/cells.safetensors
cells: .venv/installed-dev
	rm -rf build/cells
	$(BIN)/fpnc train bifpn --variant lite0 --data $(DATA) --image-size 320 --recipe turned \
	  --set evaluate_every=6 --runs build --name cells
	$(BIN)/fpnc weights pack build/cells -o $(CELLS)
	$(BIN)/fpnc weights show $(CELLS) --card > docs/cells/provenance.json
	$(BIN)/fpnc eval $(CELLS) $(DATA) --json > docs/cells/evaluation.json
	cp build/cells/results.csv docs/cells/
	$(BIN)/fpnc predict $(CELLS) docs/cells/blood_smear.jpg --score 0.4 -o docs/pictures

test: lint
	$(TEST_ENV) $(BIN)/python -m pytest -n 2

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/fpnc compile --check --all

# Write every file in generated/ again, after a change of specs, blocks or templates.
golden: .venv/installed
	$(BIN)/fpnc schema -o specs
	$(BIN)/fpnc schema model -o specs/models
	$(BIN)/fpnc compile --all

# Draw the pictures of the README and the docs again, after a change of specs or of drawings.
pictures: .venv/installed
	$(BIN)/fpnc draw specs/bifpn.yaml -o docs/pictures/bifpn.svg
	$(BIN)/fpnc draw specs/bifpn.yaml --stages -o docs/pictures/bifpn_stages.svg
	$(BIN)/fpnc draw specs/fpn.yaml specs/panet.yaml specs/bifpn.yaml specs/nas_fpn.yaml -o docs/pictures/comparison.svg
	$(BIN)/fpnc draw specs/gfpn_log2n.yaml -o docs/pictures/gfpn_log2n.svg
	$(BIN)/fpnc draw specs/qufpn.yaml -o docs/pictures/qufpn.svg
	$(BIN)/fpnc plot fpn panet bifpn nas_fpn --phi 0..6 -o docs/curves.svg

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -e .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	touch $@

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
