.PHONY: install test lint docs demo
install:
	python -m pip install -e '.[test]' -c constraints.txt
test:
	python -m pytest
lint:
	ruff check . && ruff format --check . && mypy && lint-imports
docs:
	bench leaderboard
	python docs/make_api.py
demo:
	bench run --method strong-baseline --protocol synthetic
