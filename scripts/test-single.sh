#!/bin/sh
# Runs tests of the start, of copies and of signals with the single executable for this CPU.
# `npm run build:single` makes them.
set -eu
cd "$(dirname "$0")/.."

cpu=$(node -p process.arch)
BLOCKCOPY_TEST_COMMAND=dist/single/blockcopy-linux-$cpu
export BLOCKCOPY_TEST_COMMAND
[ -e "$BLOCKCOPY_TEST_COMMAND" ] || {
    echo "$BLOCKCOPY_TEST_COMMAND is not built: npm run build:platforms, then npm run build:single" >&2
    exit 1
}
node --import tsx --test --test-concurrency="$(($(nproc) + 1))" \
    __test__/commands/cli.test.ts __test__/commands/completion.test.ts __test__/commands/help.test.ts \
    __test__/commands/names.test.ts __test__/commands/terminal.test.ts \
    __test__/commands/surroundings.test.ts __test__/package/{single,start-up,signals}.test.ts \
    __test__/save/failures-signals.test.ts __test__/save/stopping.test.ts __test__/save/vectors.test.ts \
    __test__/remote/remote.test.ts __test__/stages/compress.test.ts __test__/sync/sync.test.ts
