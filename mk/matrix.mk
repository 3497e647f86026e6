# Which clients work with which brokers, and why not: docs/interoperability.md.
.PHONY: matrix

matrix: ## run every client against every broker, and write docs/interoperability.md (half an hour)
	mk/prerequisites.sh matrix
	$(MAKE) --no-print-directory lib program jar $(VENV)/.ready
	$(call say,Clients$(,) brokers$(,) one line for each cell; results below build/matrix)
	$(VENV)/bin/python -m matrix --applications --write
