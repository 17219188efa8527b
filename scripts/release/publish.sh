#!/usr/bin/env bash
# npm run release:publish [-- --dry-run]: publishes the packages in target/release, the engines before the program that depends on them. Run again after a failure,
# it leaves out what has been published. It needs nothing but Node and npm: it runs where the right to publish is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$(node -p 'require("./package.json").version')
cd target/release
sha256sum --quiet --check SHA256SUMS

case ${1-} in
    --dry-run) how=(--dry-run) ;;
    '') how=(--provenance) ;;
    *)
        echo "usage: publish.sh [--dry-run]" >&2
        exit 2
        ;;
esac
# A pre-release must not become what `npm install` takes.
case $version in
    *-*) how+=(--tag next) ;;
    *) how+=(--tag latest) ;;
esac

publish() {
    local name=$1 file=$1-$version.tgz here there=''
    [[ -f $file ]] || {
        echo "target/release/$file does not exist: npm run release:files" >&2
        [[ ${how[0]} == --dry-run ]] && return
        exit 1
    }
    if [[ ${how[0]} == --provenance ]]; then
        here=sha512-$(openssl dgst -sha512 -binary "$file" | base64 --wrap=0)
        # Empty if there is no such version. If the registry does not answer, publishing fails as well.
        there=$(npm view "$name@$version" dist.integrity) || there=''
        if [[ -n $there && $there != "$here" ]]; then
            echo "$name $version is in the registry with other contents: take a new version" >&2
            exit 1
        fi
    fi
    if [[ -n $there ]]; then
        echo "$name $version has been published already"
    else
        npm publish "./$file" --access public --ignore-scripts "${how[@]}"
    fi
}

for folder in ../../npm/*/; do
    publish "blockcopy-$(basename "$folder")"
done
publish blockcopy
