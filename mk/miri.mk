# The safe rooms' unit tests in an interpreter that sees undefined behaviour.
MIRI_ROOMS := scram:: properties:: token:: authority:: audit:: ffi::boundary

.PHONY: miri

miri: ## run unit tests under Miri (wants rustup's nightly with miri)
	MIRIFLAGS=-Zmiri-disable-isolation $(CARGO) +nightly miri test --locked --lib \
	  --target-dir build/miri -- $(MIRI_ROOMS)
