# The container image: `docker build --tag trailhunt .`
# docs/install.md shows how to run it.

FROM rust:1.95-slim-trixie AS build
# Any version of Debian's make will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# On arm64, kernels have pages of 4 to 64 KiB: jemalloc must be built for the largest.
RUN if [ "$(uname -m)" = aarch64 ]; then export JEMALLOC_SYS_WITH_LG_PAGE=16; fi \
    && cargo build --release --locked --bin trailhunt
RUN mkdir work

FROM rust:1.95-slim-trixie AS licences
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && cargo install --locked cargo-about@0.9.3 --features cli
WORKDIR /build
COPY . .
RUN python3 packaging/licences.py "$(uname -m)-unknown-linux-gnu" THIRD-PARTY-LICENCES.txt

# It has the C library, CA certificates and the user `nonroot`; no shell. Debian 13, as above: the same C library.
FROM gcr.io/distroless/cc-debian13:nonroot
COPY --from=build /build/target/release/trailhunt /usr/local/bin/trailhunt
COPY --from=licences /build/LICENSE /build/THIRD-PARTY-LICENCES.txt /usr/share/doc/trailhunt/
# Everyone can write here, because `docker run --user` may set any user.
COPY --from=build --chmod=1777 /build/work /work
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/trailhunt"]
