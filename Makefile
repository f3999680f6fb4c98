# make build    both programs, runnable, in out/bin
# make test     every test (those that need root are skipped loudly without it)
# make lint     formatting and style, and the protos (npm)
# make demo     two hosts, a NAT between them, a tunnel: shows what the programs do (root)

SHELL   := /bin/bash
ARCH    := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x64)
PUBLISH := dotnet publish --nologo -v quiet -c Release -r linux-$(ARCH) --self-contained false -p:PublishReadyToRun=true

.PHONY: build test lint demo clean

build:
	$(PUBLISH) src/udptunneld -o out/bin
	$(PUBLISH) src/udptunnelctl -o out/bin

test: build
	tests/run

lint:
	dotnet format --verify-no-changes UdpTunnel.sln
	protos/lint

demo: build
	packaging/demo/demo

clean:
	rm -rf out
	find src tests -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
