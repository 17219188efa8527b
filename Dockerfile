# An image with blockcopy, Debian's Node and ssh. In the checkout, after `npm run build:deb`:
#   docker build -t blockcopy .
# docs/manual.md says how to give it files and disks.

FROM scratch AS package
ARG TARGETARCH
COPY target/packages/blockcopy_*_${TARGETARCH}.deb /blockcopy.deb

FROM debian:trixie-slim
# ssh refuses to run for a user without a name.
RUN --mount=type=bind,from=package,source=/blockcopy.deb,target=/tmp/blockcopy.deb \
    apt-get update \
    && apt-get install --yes --no-install-recommends /tmp/blockcopy.deb openssh-client \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
    && useradd -K UID_MAX=65532 --uid 65532 --user-group --create-home blockcopy
USER 65532:65532
ENTRYPOINT ["blockcopy"]
