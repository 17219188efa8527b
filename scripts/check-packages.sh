#!/bin/sh
# Checks the packages of the engines as npm would publish them: those that have been built here (`npm run build:platforms` builds all).
set -eu
cd "$(dirname "$0")/.."
export npm_config_ignore_scripts=true

for package in npm/*; do
    if [ -e "$package/$(node -p 'require("./'"$package"'/package.json").main')" ]; then
        publint --strict "$package"
    else
        echo "skipped $package: its engine is not built here"
    fi
done
