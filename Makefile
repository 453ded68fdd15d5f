.PHONY: install test lint docs demo
install:
	python -m pip install -e '.[test,docs]' -c constraints.txt
test:
	python -m pytest
lint:
	ruff check . && ruff format --check . && mypy && lint-imports
docs:
	bench leaderboard
	python docs/make_api.py
	python docs/make_reference.py
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build
demo:
	bench run --method strong-baseline --protocol synthetic
