# make build    both programs, runnable, in out/bin
# make test     every test (those that need root are skipped loudly without it)
# make lint     formatting and style, and the protos (npm)
# make fuzz     each parser against inputs that coverage leads to; MINUTES=60, TARGETS="config headers …", findings in out/fuzz
# make soak     traffic, changes and faults for MINUTES=30, and what the daemons hold afterwards; SEED=… repeats one (root)
# make bench    tunnels and relays beside each other in turns, with medians and ratios (root; Debian's peers where they are installed)
# make demo     a tunnel and a relay between four hosts: shows what the programs do (root)

SHELL   := /bin/bash
ARCH    := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
PUBLISH := dotnet publish --nologo -v quiet -c Release -r linux-$(ARCH) --self-contained false -p:PublishReadyToRun=true

.PHONY: build test lint fuzz soak bench demo clean

build:
	$(PUBLISH) src/udptunneld -o out/bin
	$(PUBLISH) src/udptunnelctl -o out/bin

test: build
	tests/run

lint:
	dotnet format --verify-no-changes UdpTunnel.sln
	protos/lint

# Instrumented is a copy, so that the tests' own stays as it was built.
fuzz:
	dotnet build --nologo -v quiet -c Release tests/Fuzz
	rm -rf out/fuzz/bin && mkdir -p out/fuzz && cp -r tests/Fuzz/bin/Release/net10.0 out/fuzz/bin
	out/fuzz/bin/Fuzz instrument
	nice out/fuzz/bin/Fuzz fuzz out/fuzz $(or $(MINUTES),60) $(TARGETS)

soak: build
	dotnet build --nologo -v quiet -c Release tests/Soak
	tests/Soak/bin/Release/net10.0/Soak $(or $(MINUTES),30) $(SEED)

bench: build
	tests/Bench/tunnels
	SEGMENT=1 tests/Bench/tunnels vxlan udptunnel wireguard
	SEGMENT=gro tests/Bench/tunnels vxlan udptunnel wireguard
	tests/Bench/relays

demo: build
	packaging/demo/demo

clean:
	rm -rf out
	find src tests -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
