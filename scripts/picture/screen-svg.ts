const CELL_WIDTH = 8.4;
const LINE_HEIGHT = 19;
const MARGIN = 16;
const BAR = 28;

/** For the colours that the program uses: SGR numbers, as tmux writes them. */
const COLOURS: Record<string, string> = {
  "31": "#f47067",
  "32": "#57ab5a",
  "33": "#c69026",
  "36": "#39c5cf",
};
const PLAIN = "#d1d7e0";
const DIM = "#8b949e";

/** The escape sequences that the program and tmux write: colours, with a single number each. */
// oxlint-disable-next-line no-control-regex
const SGR = /(\u001b\[\d*m)/;

interface Run {
  column: number;
  text: string;
  colour: string;
}

/** An SVG of a terminal window with these lines. Each run of one colour is as wide as its cells, whatever the font is. */
export function drawScreen(lines: string[], columns: number, title: string): string {
  const width = Math.ceil(columns * CELL_WIDTH + 2 * MARGIN);
  const height = BAR + lines.length * LINE_HEIGHT + 2 * MARGIN;
  const dots = ["#f47067", "#c69026", "#57ab5a"].map(
    (colour, index) => `<circle cx="${MARGIN + 6 + index * 20}" cy="18" r="6" fill="${colour}"/>`,
  );
  const texts = lines.flatMap((line, row) => runsOf(line).map((run) => drawRun(run, row)));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#1c2128"/>`,
    ...dots,
    `<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve">`,
    ...texts,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function drawRun({ column, text, colour }: Run, row: number): string {
  const x = round(MARGIN + column * CELL_WIDTH);
  const y = BAR + MARGIN + 14 + row * LINE_HEIGHT;
  const wide = round(text.length * CELL_WIDTH);
  return `<text x="${x}" y="${y}" textLength="${wide}" lengthAdjust="spacingAndGlyphs" fill="${colour}">${escape(text)}</text>`;
}

/** The line without its escape sequences, cut where the colour changes. Spaces at the ends of runs are left out. */
function runsOf(line: string): Run[] {
  const runs: Run[] = [];
  let colour = PLAIN;
  let column = 0;
  for (const piece of line.split(SGR)) {
    const number = piece.startsWith("\u001b[") ? piece.slice(2, -1) : undefined;
    if (number !== undefined) {
      colour = number === "2" ? DIM : (COLOURS[number] ?? PLAIN);
      continue;
    }
    const text = piece.trim();
    const begin = column + piece.length - piece.trimStart().length;
    if (text !== "") runs.push({ column: begin, text, colour });
    column += piece.length;
  }
  return runs;
}

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function round(number: number): number {
  return Math.round(number * 10) / 10;
}
