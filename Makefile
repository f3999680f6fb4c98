# make build    both programs, runnable, in out/bin
# make native   the same as users get them: compiled ahead of time, in out/native (needs clang and zlib1g-dev)
# make deb      out/udptunneld_VERSION_ARCH.deb and its checksum; DEB_ARCH=arm64 crosses
#               (needs debhelper, lowdown, binutils)
# make repo     out/repo, a signed apt repository of the packages in out, as files; REPO_KEY names the key
#               (needs dpkg-dev, gpg, gpg-agent)
# make install  what `make native` has left, with units and man pages, under DESTDIR and PREFIX (/usr/local);
#               make uninstall takes it away (needs lowdown)
# make test     every test (those that need root are skipped loudly without it)
# make test-package   the package on two booted hosts of each of several systems: install, upgrade, reboot, faults, purge; and a container (root)
# make lint     formatting and style, the packages' hashes, and the protos (npm)
# make fuzz     each parser against inputs that coverage leads to; MINUTES=60, TARGETS="config headers …", findings in out/fuzz
# make soak     traffic, changes and faults for MINUTES=30, and what the daemons hold afterwards; SEED=… repeats one (root)
# make bench    tunnels, relays, start-up and what many cost, beside each other in turns, as one page: out/bench/index.md. Fails if the run does not hold what
#               README promises. ROUNDS=3; BENCH=quick for a first look. Debian's peers where installed, and those that WGGO, UDPTUNNEL_DSNET,
#               UDPTUNNEL_MCUDPT and CHISEL name (tests/Bench/lab.sh) (root)
# make demo     a tunnel and a relay between four hosts: shows what the programs do (root)

SHELL   := /bin/bash
.SHELLFLAGS := -o pipefail -c
ARCH    := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
PUBLISH := dotnet publish --nologo -v quiet -c Release

.PHONY: build native deb repo install uninstall test test-package lint fuzz soak bench demo clean

# For daily use: half the time of `make native`, and no C toolchain. UDPTUNNEL_BIN=$PWD/out/native makes the tests take what users get.
build:
	$(PUBLISH) -r linux-$(ARCH) --self-contained false -p:PublishReadyToRun=true src/udptunneld -o out/bin
	$(PUBLISH) -r linux-$(ARCH) --self-contained false -p:PublishReadyToRun=true src/udptunnelctl -o out/bin

# NATIVE=linux-arm64 crosses; docs/performance.md has what this brings.
NATIVE      ?= linux-$(ARCH)
NATIVE_OUT  ?= out/native
# No debug information: a source generator writes its parts in another order each time, and an embedded copy of it would make each build another one.
AOT         := -p:PublishAot=true -p:DebugType=none -p:CopyOutputSymbolsToPublishDirectory=false
native:
	$(PUBLISH) -r $(NATIVE) $(AOT) src/udptunneld -o $(NATIVE_OUT)
	$(PUBLISH) -r $(NATIVE) $(AOT) src/udptunnelctl -o $(NATIVE_OUT)

# The programs of this machine are needed in any case: man pages and completions come from them.
DEB_ARCH     ?= $(if $(filter arm64,$(ARCH)),arm64,amd64)
DEB_NATIVE   := linux-$(if $(filter arm64,$(DEB_ARCH)),arm64,x64)
DEB_PROGRAMS := out/native$(if $(filter-out $(NATIVE),$(DEB_NATIVE)),-$(DEB_ARCH))
deb: native
	$(if $(filter-out $(NATIVE),$(DEB_NATIVE)),$(MAKE) native NATIVE=$(DEB_NATIVE) NATIVE_OUT=$(DEB_PROGRAMS))
	packaging/deb/build $(DEB_ARCH) $(DEB_PROGRAMS)

repo:
	packaging/repo/build out/repo $(wildcard out/udptunneld_*.deb)

# Not as a part of `make native`, which root need not be able to run.
PREFIX ?= /usr/local
install:
	PREFIX=$(PREFIX) packaging/install out/native $(DESTDIR)
	@echo "docs/install.md says how it is started."

uninstall:
	packaging/uninstall out/native $(DESTDIR)

test: build
	tests/run

test-package: deb
	packaging/test/all

lint:
	dotnet tool restore
	dotnet csharpier check src tests
	dotnet format --verify-no-changes UdpTunnel.sln
	tests/lines
	tests/headers
	tests/packages
	protos/lint
	packaging/project --check

# Instrumented is a copy, so that the tests' own stays as it was built.
fuzz:
	dotnet build --nologo -v quiet -c Release tests/Fuzz
	rm -rf out/fuzz/bin && mkdir -p out/fuzz && cp -r tests/Fuzz/bin/Release/net10.0 out/fuzz/bin
	out/fuzz/bin/Fuzz instrument
	nice out/fuzz/bin/Fuzz fuzz out/fuzz $(or $(MINUTES),60) $(TARGETS)

# What users get, and without the compiler, whose memory grows for as long as it finds something to make faster. UDPTUNNEL_BIN=$PWD/out/bin takes the other build.
soak: export UDPTUNNEL_BIN ?= $(CURDIR)/out/native
soak: native
	dotnet build --nologo -v quiet -c Release tests/Soak
	tests/Soak/bin/Release/net10.0/Soak $(or $(MINUTES),30) $(SEED)

# What users get is measured; `startup` compares it with the ordinary build. A script that fails leaves the others their turn: the page says what is missing.
bench: export UDPTUNNEL_BIN := $(CURDIR)/out/native
bench: quick   := $(filter quick,$(BENCH))
bench: turns   := -r $(or $(ROUNDS),$(if $(quick),1,3)) -s $(if $(quick),1,2) -o out/bench/results
bench: tunnels := vxlan udptunnel udptunnel-secure wireguard $(if $(WGGO),wireguard-newest) openvpn
bench: build native
	dotnet build --nologo -v quiet -c Release tests/Bench
	rm -rf out/bench && mkdir -p out/bench/results
	-tests/Bench/tunnels $(turns)/whole.results
	-SEGMENT=1 tests/Bench/tunnels $(turns)/cut.results $(tunnels)
	-SEGMENT=gro tests/Bench/tunnels $(turns)/merged.results $(tunnels)
	-tests/Bench/tunnels $(turns)/offloads.results -r 1 udptunnel $(addprefix udptunnel-,without-uso without-tun without-segment without-gro off) openvpn
	-tests/Bench/load $(turns)/load-tunnels.results tunnels
	-tests/Bench/relays $(turns)/relays.results
	-tests/Bench/load $(turns)/load-relays.results relays
	-tests/Bench/voip $(turns)/voip.results -s 5
	-tests/Bench/scale $(turns)/scale.results -r 1
	-tests/Bench/many-peers $(turns)/many-peers.results -r 1 -s 10
	-tests/Bench/startup $(if $(quick),-r 4) | tee out/bench/results/start-up.txt
	tests/Bench/report page out/bench

demo: build
	packaging/demo/demo

clean:
	rm -rf out
	find src tests -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
