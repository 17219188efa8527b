// Fails where modules of a Rust crate import each other in a circle.
import { readdirSync } from "node:fs";

import { circlesOf } from "./circles.ts";

const circles = readdirSync("crates")
  .toSorted()
  .flatMap((crate) => circlesOf(`crates/${crate}`).map((edge) => `${crate}: ${edge}`));
if (circles.length > 0) {
  console.error(`modules that import each other in a circle:\n${circles.join("\n")}`);
  process.exitCode = 1;
}
