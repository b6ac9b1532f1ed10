"""The tests: each folder here is one suite of `make test`; helpers that suites share live in `support`."""
