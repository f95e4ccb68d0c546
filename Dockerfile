# syntax=docker/dockerfile:1
# Both programs in one image: `shopbeat` (service and worker) and `shopbeat-operator`. Nothing else is in it but the C
# library, root certificates and time zones: no shell, no package manager. Each step is a command of
# tests/image/steps, which a suite runs and checks without Docker (`tests/run image`).
#
#   docker build -t shopbeat:dev --build-arg COMMIT=$(git rev-parse --short HEAD) \
#       --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) .
#
# Two builds are the same bytes if their bases are: pin both by digest, --build-arg BUILDER=…@sha256:…, BASE=…@sha256:….
# The bases belong together: programs link the C library of the builder's Debian (12) dynamically.
ARG BUILDER=rust:1.95.0-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS builder
WORKDIR /src
ENV CARGO_TARGET_DIR=/target PATH=/tools/bin:$PATH
# By itself, so that a change of the sources does not install it again.
COPY tests/image/steps tests/image/steps
RUN tests/image/steps tools /tools
COPY . .
ARG COMMIT=unknown
ARG SOURCE_DATE_EPOCH=0
ENV SHOPBEAT_COMMIT=${COMMIT} SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}
RUN --mount=type=cache,target=/target,sharing=locked \
    --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    tests/image/steps build /image && tests/image/steps parts /image

FROM ${BASE}
ARG BASE
ARG COMMIT=unknown
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="shopbeat" \
      org.opencontainers.image.description="Keeps Shopify stores and the Rackbeat inventory system in step" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=builder /image/usr/ /usr/
COPY LICENSE /usr/share/doc/shopbeat/LICENSE
# The number, not the name: Kubernetes' runAsNonRoot can only check numbers.
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/usr/local/bin/shopbeat"]
