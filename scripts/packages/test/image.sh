#!/usr/bin/env bash
# npm run test:image: builds the image of the Dockerfile, and copies a file in it as its own user and as that of the file. It needs a Docker daemon, and the package
# that `npm run build:deb` makes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
docker=${DOCKER:-docker}
image=blockcopy-test

"$docker" build --tag "$image" .
version=$(node -p 'require("./package.json").version')
[[ $("$docker" run --rm "$image" --version) == "blockcopy $version" ]]
[[ $("$docker" run --rm --entrypoint id "$image" -u) == 65532 ]]
"$docker" run --rm --entrypoint ssh "$image" -V

folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
head -c 3000001 /dev/urandom >"$folder/source"
"$docker" run --rm --user "$(id -u):$(id -g)" --volume "$folder:/data" --network none --read-only --cap-drop ALL \
    "$image" sync --quiet --create /data/source /data/copy
cmp "$folder/source" "$folder/copy"
"$docker" image inspect --format 'The image has {{.Size}} bytes.' "$image"
