import type { StageContext } from "../../blocks/context.ts";
import { UsageError } from "../../errors/copy-error.ts";
import { isEngineFailure } from "../../errors/engine-failure.ts";
import { ExitCode } from "../../errors/exit-codes.ts";
import type * as Binding from "../../native/binding.js";
import { isExport } from "../../native/export.ts";
import { absolute } from "../../native/files.ts";
import { isBytes } from "../../native/names.ts";
import { startChild } from "../../transport/processes/child.ts";
import { endsWithThis } from "../../transport/processes/ends-with-this.ts";
import { ServerSocket, type SocketServer } from "../../transport/processes/socket-server.ts";
import { FOLDERS } from "../../transport/processes/find-tool.ts";
import { runTool } from "../../transport/tools/system-tool.ts";
import { isStandardInput } from "../../transport/streams/standard-input.ts";
import { adviseOnMissing } from "../save/destination.ts";
import { refuseLost } from "../save/refuse-lost.ts";
import { chooseFormat } from "./choose-format.ts";
import type { ImageChoice, ImageFormat } from "./format.ts";
import { holdImage } from "./hold-image.ts";
import type { ImageUse } from "./image-use.ts";
import { ImageInUseError, programFor, QemuError, Words } from "./qemu.ts";
import { refuseOtherContainer, refuseOtherFiles } from "./refuse-other-files.ts";

/**
 * Does the work of a stage while the name of its file stands for the disk in that image. qemu-nbd offers the disk to this process alone,
 * and ends with it.
 *
 * @throws UsageError, ImageError, QemuError, the engine's failures, those of the work
 */
export async function withImage<T>(
  context: StageContext,
  use: ImageUse & ImageChoice,
  work: () => Promise<T>,
): Promise<T> {
  const { native, engine, debug } = context;
  const { file, option, writes } = use;
  refuseNoFile(use);
  const container = await engine
    .openSource(file, "off")
    .catch((error) => adviseOnMissing(error, use.suggestsCreate ? "destination" : "source"));
  refuseOtherContainer(use, container);
  const format = await chooseFormat(context, file, container, use);
  if (format === undefined) {
    container.close();
    return work();
  }
  await claimImage(context, use, container);
  const image = { file, format, writes, isDevice: container.isDevice };
  const program = programFor("qemu-nbd", use);
  await refuseDamaged(programFor("qemu-img", use), image);
  if (use.isVerbose) {
    debug(`${option} ${format}: ${runTool("qemu-nbd", ["--version"], 10).output.split("\n")[0]}`);
  }
  const socket = new ServerSocket(native);
  const server = socket.start({
    command: [program, ...argumentsFor(image)],
    env: { PATH: FOLDERS.join(":"), LC_ALL: "C" },
    cwd: "/",
    // QEMU catches SIGTERM before it sets the state that its handler changes, so it forgets an early one. Another one does no harm.
    again: 1,
  });
  const result = await Promise.resolve()
    .then(() => container.serveAt(socket.uriFor("self")))
    .then(() => checked(context, { file, container, pid: server.pid }, work))
    .catch(async (error: unknown) => {
      throw await explained(error, server, image);
    });
  await closeImage(server, file);
  return result;
}

/** Refuses a destination that is in use, and keeps other copies away from one that is not new. */
async function claimImage(
  { native, engine }: StageContext,
  { file, writes, role, force, made }: ImageUse,
  container: Binding.Source,
): Promise<void> {
  // The locks of images keep away virtual machines and copies to the image, and no option overrides them.
  if (role === "destination" && !force) {
    await engine.refuseUsed(file);
  }
  if (writes && made === undefined && !container.isDevice) {
    // Only now: for a search of writers, this process would be one.
    holdImage(native, file);
    // Until then, the copy that had created it could remove it.
    refuseLost(file, container, { hasWritten: false });
  }
}

/** Ends the server, which writes what is left to the image. */
async function closeImage(server: SocketServer, file: string): Promise<void> {
  const failure = await server.stop();
  if (failure !== undefined) {
    throw new QemuError(
      `qemu-nbd could not close ${file}: ${failure}`,
      `do not trust it: check it with \`qemu-img check ${file}\`, then copy again`,
      ExitCode.io,
    );
  }
}

/** Does the work with a server that has opened the image and nothing else. */
async function checked<T>(
  { engine }: StageContext,
  { file, container, pid }: { file: string; container: Binding.Source; pid: number | undefined },
  work: () => Promise<T>,
): Promise<T> {
  // The server accepts clients after it has opened the image, and ends after the last one: this connection stays until the end.
  const first = await engine.openSource(file, "off");
  try {
    if (pid !== undefined) {
      refuseOtherFiles(pid, file, container);
    }
    return await work();
  } finally {
    first.close();
  }
}

/**
 * Refuses what has no file that could be an image.
 *
 * @throws UsageError
 */
export function refuseNoFile({ file, option }: ImageUse): void {
  if (isStandardInput(file) || isExport(file)) {
    throw new UsageError(
      `${option} is for a file or device, and ${file} is something else`,
      "leave it out; the server of an export decides its format",
    );
  }
  if (isBytes(file)) {
    throw new UsageError(
      `${option} does not work with ${file}: its name is not UTF-8`,
      "give it another name, such as a symbolic link",
    );
  }
}

/** An image that is opened. */
interface OpenedImage {
  file: string;
  format: ImageFormat;
  writes: boolean;
  isDevice: boolean;
}

/** Returns the name of an image for QEMU. In JSON, no name is taken for an option or a URL, and no other file is opened. */
function nameFor({ file, format, isDevice }: OpenedImage): string {
  const image = {
    driver: format,
    // `chooseFormat` has refused such an image; it may have been replaced since.
    backing: null,
    file: { driver: isDevice ? "host_device" : "file", filename: absolute(file) },
  };
  return `json:${JSON.stringify(image)}`;
}

/** Returns the arguments of qemu-nbd. Writes wait in the page cache of this host until the sync, which it passes on. */
function argumentsFor(image: OpenedImage): string[] {
  const modes = ["--cache=writeback", "--discard=unmap", "--detect-zeroes=off", "--shared=8"];
  return [...modes, ...(image.writes ? [] : ["--read-only"]), nameFor(image)];
}

/** Exit codes of `qemu-img check` for an image without errors: none, only clusters that nothing uses, and a format that has no check. */
const INTACT = [0, 3, 63];

/**
 * Refuses an image that is damaged. One that is cut off would read as zeros where its end is missing.
 *
 * @throws QemuError
 */
async function refuseDamaged(program: string, image: OpenedImage): Promise<void> {
  const words = new Words();
  // A large image takes a while, in which its lock would keep the next run away.
  const command = endsWithThis([program, "check", "-q", nameFor(image)]);
  const onLine = (line: string): void => words.add(line);
  const child = startChild({ command, stdin: "ignore", stdout: "ignore", onLine });
  const { status } = await child.ended;
  if (!("code" in status && INTACT.includes(status.code))) {
    throw serverError(image, words.text || `qemu-img check: ${JSON.stringify(status)}`);
  }
}

/** Milliseconds for a server that has failed to end. */
const TO_END = 2000;

/** Stops the server after a failure. Returns its own words if they explain the failure. */
async function explained(
  error: unknown,
  server: SocketServer,
  image: OpenedImage,
): Promise<unknown> {
  const isOfServer = isEngineFailure(error) && ["no-export", "server"].includes(error.kind);
  const ended = isOfServer && (await server.endsWithin(TO_END));
  await server.stop();
  return ended ? serverError(image, server.lastWords() || "qemu-nbd has ended") : error;
}

/** Makes the error for what a program of QEMU has said. */
function serverError({ file, format, writes }: OpenedImage, said: string): QemuError {
  const reason = said
    .replaceAll(/qemu-(?:nbd|img): /g, "")
    .replaceAll(/(?:Failed to blk_new_open|Could not open) 'json:.*?\}\}': /g, "");
  const message = `cannot ${writes ? "write" : "read"} ${file} as ${format}: ${reason}`;
  if (!/another process using/.test(said)) {
    const instead = writes ? "remove it and copy again with --create" : "copy it again";
    const advice = `look at \`qemu-img check ${file}\`, and repair the image, or ${instead}`;
    return new QemuError(message, advice, ExitCode.io);
  }
  const advice = writes
    ? "stop the virtual machine, or whatever else uses the image; no option overrides its lock"
    : "copy a snapshot of it, or stop the virtual machine; no option overrides its lock";
  return new ImageInUseError(message, advice);
}
