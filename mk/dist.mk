# A release: what docs/releasing.md publishes, in dist/. The same commit gives the same bytes.
ARCHITECTURES := x86_64 aarch64
PLATFORMS := $(foreach libc,"" -musl,$(ARCHITECTURES:%=linux-%$(libc:""=)))
NAME := scramtoken-$(VERSION)
# What runs here: to write manual pages and completions for every platform.
HOST_PROGRAM := build/dist/linux-$(shell uname -m)-musl/scramtoken
DIST_TOOLS := $(VENV)/.dist-tools
# The date of the release, or else of the one before it, for what is packed.
RELEASED = $(shell sed -n 's/^\#\# \[[0-9][^]]*\] - //p' CHANGELOG.md | head -n 1)
dist dist-%: export SOURCE_DATE_EPOCH ?= $(shell date --utc --date "$(RELEASED)" +%s)
dist dist-%: export LC_ALL = C.UTF-8

.PHONY: dist dist-platforms dist-source dist-bom dist-programs dist-wheels dist-jar dist-debian vendor test-release

dist: ## build every package of a release into dist/, for two architectures (half an hour the first time)
	mk/prerequisites.sh dist
	@git rev-parse HEAD >/dev/null || { echo "make dist packs a commit: it takes a git checkout." >&2; exit 1; }
	@[[ -z $$(git status --porcelain) ]] || { git status --short; \
	  echo "Beware: no commit has these changes, and the source archive has not; the packages will."; } >&2
	@[[ -n "$(RELEASED)" ]] || { echo "CHANGELOG.md has no release with a date." >&2; exit 1; }
	rm -rf dist build/dist/bom
	mkdir -p dist build/dist
	umask 022; for part in platforms source bom programs wheels jar debian; do \
	  $(MAKE) --no-print-directory dist-$$part; \
	done
	git rev-parse HEAD >build/dist/commit
	cd dist && sha256sum * >SHA256SUMS
	@printf '\n'; du --apparent-size --human-readable dist/*

dist-platforms: $(DIST_TOOLS)
	for platform in $(PLATFORMS); do \
	  printf '\n== The library and the program for %s: 5 minutes the first time\n' $$platform; \
	  $(WITH_TOOLS) DOORS=$(DOORS) packaging/platform.sh $$platform build/dist/$$platform; \
	done

# As it is committed, and the crates that it takes, for who builds without a network.
dist-source:
	$(call say,Source archives)
	git -c tar.umask=0022 archive --format=tar --prefix=$(NAME)/ HEAD | gzip --no-name >dist/$(NAME).tar.gz
	rm -rf build/dist/vendored
	packaging/vendor.sh build/dist/vendored >/dev/null
	packaging/tar.sh build/dist/vendored $(NAME) dist/$(NAME)-vendor.tar.xz

dist-bom: $(DIST_TOOLS)
	$(call say,Bills of materials)
	mkdir -p build/dist/bom
	for what in library program; do \
	  CARGO=$(CARGO) $(VENV)/bin/python packaging/bom.py $$what >build/dist/bom/$(NAME)-$$what.cdx.json; \
	done
	cp build/dist/bom/* dist

dist-programs:
	$(call say,Static programs)
	packaging/program.sh $(HOST_PROGRAM) build/dist/linux-x86_64-musl/scramtoken $(NAME)-linux-amd64 dist
	packaging/program.sh $(HOST_PROGRAM) build/dist/linux-aarch64-musl/scramtoken $(NAME)-linux-arm64 dist

dist-wheels: $(DIST_TOOLS)
	$(call say,Wheels)
	for architecture in $(ARCHITECTURES); do \
	  $(WITH_TOOLS) packaging/wheel.sh build/dist/linux-$$architecture \
	    manylinux_2_17_$$architecture.manylinux2014_$$architecture dist; \
	  $(WITH_TOOLS) packaging/wheel.sh build/dist/linux-$$architecture-musl \
	    musllinux_1_2_$$architecture dist; \
	done

dist-jar:
	$(call say,The jar: a minute)
	rm -rf build/dist/java build/dist/native build/dist/maven
	for platform in $(PLATFORMS); do \
	  install -D -m 755 build/dist/$$platform/libscramtoken.so \
	    build/dist/native/META-INF/native/$$platform/libscramtoken.so; \
	done
	install -D -m 644 -t build/dist/native/META-INF/sbom build/dist/bom/$(NAME)-library.cdx.json
	mkdir build/dist/maven
	cp -R java LICENSE-* THIRD-PARTY build/dist/maven
	chmod -R u=rwX,go=rX build/dist/maven build/dist/native # modes go into the jar
	umask 022; $(MAVEN) --file build/dist/maven/java/pom.xml package \
	  "-Doutput.directory=$(CURDIR)/build/dist/java" "-Dnative.directory=$(CURDIR)/build/dist/native" \
	  -Dproject.build.outputTimestamp=$(SOURCE_DATE_EPOCH)
	cp build/dist/java/scramtoken-kafka-$(VERSION)*.jar dist
	cp build/dist/java/.flattened-pom.xml dist/scramtoken-kafka-$(VERSION).pom

dist-debian:
	$(call say,Debian packages)
	export DOCUMENTED=$(HOST_PROGRAM) BOM=build/dist/bom; \
	packaging/debian/build.sh amd64 build/dist/linux-x86_64/{libscramtoken.so,scramtoken} dist; \
	packaging/debian/build.sh arm64 build/dist/linux-aarch64/{libscramtoken.so,scramtoken} dist

vendor: ## put the sources of all crates into vendor/, so that cargo builds without a network
	packaging/vendor.sh .

test-release: ## test the packages of dist/ as their users install them, after make dist (15 minutes)
	mk/prerequisites.sh test-release
	@[[ -f dist/SHA256SUMS ]] || { echo "Nothing to test: run make dist first." >&2; exit 1; }
	$(MAKE) --no-print-directory $(VENV)/.ready $(DIST_TOOLS)
	$(VENV)/bin/python -m harness.kafka.jars
	$(VENV)/bin/python tests/run.py --release

$(DIST_TOOLS): mk/dist-tools.txt | $(VENV)/.ready
	$(call say,Tools of a release: zig$(,) cargo-zigbuild$(,) auditwheel; a minute)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: \
	  --require-hashes -r $<
	rustup target add $(foreach libc,gnu musl,$(ARCHITECTURES:%=%-unknown-linux-$(libc)))
	touch $@
