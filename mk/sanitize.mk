# The C tests under AddressSanitizer and UndefinedBehaviorSanitizer.
.PHONY: sanitize sanitized-library

sanitize: lib $(VENV)/.ready ## run the C tests under ASan and UBSan
	$(VENV)/bin/python -m pytest tests/c/test_sanitizers.py

# The library with ASan's instructions in it, which a program linked with ASan brings to life. The
# compiler is the stable one; its own standard library is not instrumented.
sanitized-library:
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_PROFILE_RELEASE_LTO=off \
	  $(CARGO) rustc --locked --release --lib --crate-type cdylib --features $(DOORS) \
	  --target $$(rustc -vV | sed -n 's/^host: //p') --target-dir build/sanitize
