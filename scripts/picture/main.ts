// Draws docs/terminal.svg: what a terminal shows of a real copy, half-way and at its end. Needs tmux and a built program.
// Usage: npm run picture
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeSample } from "./sample.ts";
import { drawScreen } from "./screen-svg.ts";
import { inFolder, watchCommand } from "./terminal.ts";

const PICTURE = fileURLToPath(new URL("../../docs/terminal.svg", import.meta.url));
const COMMAND = "blockcopy sync --verify full --map disk.img copy.img";
const COLUMNS = 92;
const ROWS = 20;
/** A live line that has got somewhere: from 40 % to 79 % of the comparison. */
const HALF_WAY = /Sync {2}.* [4-7]\d %/;

const { during, end } = inFolder((folder) => {
  makeSample(`${folder}/disk.img`, `${folder}/copy.img`);
  return watchCommand({ command: COMMAND, folder, columns: COLUMNS, rows: ROWS }, HALF_WAY);
});
const [prompt = "", ...result] = end;
const lines = [prompt, ...during.filter((line) => HALF_WAY.test(line)), "", ...result];
const note =
  "\u001b[2m# while it runs, this line moves; at the end, the result replaces it\u001b[0m";
lines.splice(1, 0, note);
writeFileSync(PICTURE, drawScreen(lines, COLUMNS, `A terminal: ${COMMAND}`));
