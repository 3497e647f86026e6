# What a release promises to the programs that are linked with it; docs/abi.md says more.
.PHONY: abi

abi: ## freeze the header and binary interface of this version below abi/ (before its release)
	$(PYTHON) packaging/abi.py freeze
