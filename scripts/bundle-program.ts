// Bundles the program into few files of CommonJS, which Node starts faster than ECMAScript modules: their loader alone takes 5 ms.
// A command loads only the files that it needs, because V8 takes 40 µs for each KB that it reads, used or not.
import { writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { type ChunkingContext, type Plugin, rolldown } from "rolldown";
import { OLDEST_NODE } from "../src/native/node-version.ts";

const ENTRY = "src/cli/main.ts";

/** Bundles the program into a folder; returns the paths of all modules in it. */
export async function bundleProgram(folder: string): Promise<string[]> {
  const bundle = await rolldown({
    input: { main: ENTRY },
    platform: "node",
    // Its CommonJS comes whole, and has each of its hundred functions wrapped, which takes 2 ms.
    resolve: { alias: { typanion: resolve("node_modules/typanion/lib/index.mjs") } },
    transform: { target: `node${OLDEST_NODE}` },
    plugins: [lightClipanion(), lazyBuiltins(), plainExports()],
  });
  const { output } = await bundle.write({
    dir: folder,
    format: "cjs",
    // Names stay, for stack traces.
    minify: { mangle: false, compress: true, codegen: { removeWhitespace: true } },
    // The licences of all libraries are in a file of their own.
    comments: { legal: false },
    entryFileNames: "[name].js",
    chunkFileNames: ({ name }) => `${name.replace(/~.*/, "")}-[hash].js`,
    codeSplitting: {
      groups: [
        // Needed before the command is known.
        { name: "start", tags: ["$initial"], priority: 3 },
        { name: "run", test: /src\/cli\/run\.ts$/, priority: 3 },
        // Shared by most stages in one file, as a file takes as long as 10 KB in it; the rest by the commands that share it.
        { name: sharedByStages, debugName: "common", priority: 1 },
        {
          name: "shared",
          minShareCount: 2,
          entriesAware: true,
          // With more, stages get parts of sync.
          entriesAwareMergeThreshold: 3_500,
        },
      ],
    },
  });
  await bundle.close();
  // The package says that its files are ECMAScript modules.
  writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }\n');
  return output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
}

/** The stages: each copy between hosts starts two or more. */
const STAGE = /\/src\/commands\/(?:checksum|retrieve|save|receive)\.ts$/;

/** Names the file for a module that most stages import. */
function sharedByStages(module: string, chunking: ChunkingContext): string | undefined {
  const importers = new Set([module]);
  for (const importer of importers) {
    for (const next of chunking.getModuleInfo(importer)?.importers ?? []) importers.add(next);
  }
  const stages = [...importers].filter((importer) => STAGE.test(importer));
  return stages.length > 2 ? "common" : undefined;
}

/**
 * Leaves out of clipanion what only its own input and output need: the program reads the command line with it, and does the rest itself.
 * Reading `process.stdin` takes 3 ms, and makes pipes non-blocking, also for others who have them open.
 */
function lightClipanion(): Plugin {
  const streams = /process\.(?:stdin|stdout|stderr)\b/g;
  return {
    name: "light-clipanion",
    resolveId(source, importer) {
      return importer !== undefined && basename(source) === "node.mjs" && /clipanion/.test(importer)
        ? resolve(importer, "../../platform/browser.mjs")
        : undefined;
    },
    transform(code, id) {
      if (!id.endsWith("/clipanion/lib/advanced/Cli.mjs")) return undefined;
      if (code.match(streams)?.length !== 3) throw new Error(`${id} is not as expected`);
      return code.replaceAll(streams, "undefined");
    },
  };
}

/** Modules of Node that are not part of its snapshot, and that most runs of the program do not use. */
const RARE = ["child_process", "crypto", "inspector", "os", "timers/promises", "tty", "zlib"];

/** Loads rare modules of Node when they are used first: each takes 0.3 to 3 ms. */
function lazyBuiltins(): Plugin {
  const required = /^let (node_\w+) = require\("node:([\w/]+)"\);$/gm;
  return {
    name: "lazy-builtins",
    renderChunk(code) {
      let lazy = code;
      for (const [line, name = "", id = ""] of code.matchAll(required)) {
        if (RARE.includes(id)) {
          // A module that is imported as a whole is wrapped in an object, as its property `default`.
          lazy = lazy
            .replace(new RegExp(`^${name} = .*\\(${name}\\b.*\\);\n`, "m"), "")
            .replace(line, `const ${name} = () => require("node:${id}");`)
            .replaceAll(new RegExp(`\\b${name}\\.(default\\b)?`, "g"), (_, whole) =>
              whole === undefined ? `${name}().` : `${name}()`,
            );
          if (lazy.includes(`\n${name} = `)) throw new Error(`cannot load node:${id} later`);
        }
      }
      return lazy;
    },
  };
}

/**
 * Exports values where rolldown exports functions that return them: V8 would have to make bytecode of each. They are at the end of a
 * file, and oxlint refuses exports that change later.
 */
function plainExports(): Plugin {
  const getter =
    /^Object\.defineProperty\(exports, "([\w$]+)", \{\s+enumerable: true,\s+get: function \(\) \{\s+return (.+);\s+\}\s+\}\);$/gm;
  return {
    name: "plain-exports",
    renderChunk(code) {
      const plain = code.replaceAll(
        getter,
        (_, exported: string, local: string) => `exports.${exported} = ${local};`,
      );
      if (/defineProperty\(exports,[^)]*get:/.test(plain))
        throw new Error("an export is not as expected");
      return plain;
    },
  };
}
