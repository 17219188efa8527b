import type { BlockRequest, CopyRequest } from "../blocks/bounds.ts";
import type { StageContext } from "../blocks/context.ts";
import { UsageError } from "../errors/copy-error.ts";
import { ExitCode } from "../errors/exit-codes.ts";
import { Input } from "../transport/streams/input.ts";
import { Output } from "../transport/streams/output.ts";
import { sendMissing } from "./checksum/send-missing.ts";
import { makeImage } from "./image/make-image.ts";
import type { NewImage } from "./image/image-use.ts";
import { ImageInUseError, programFor, QemuError } from "./image/qemu.ts";
import { refuseNoFile, withImage } from "./image/with-image.ts";
import { receiveDryRun } from "./receive-dry-run.ts";
import { readHead } from "./read-head.ts";
import { awaitRequest, failAfter, progressOfSave, withRanges } from "./receive.ts";
import type { ReceiveOptions } from "./receive-options.ts";
import { NEW_IMAGE, openDestination } from "./save/destination.ts";
import { preflight } from "./save/preflight.ts";
import { saveTo } from "./save/save.ts";

/**
 * Does what `receive` does, for an image that does not exist: asks for all of the source, and creates the image once the head of the answer
 * tells the size of its disk.
 *
 * @throws the errors of `sendMissing`, `makeImage`, `withImage` and `saveTo`
 */
export async function receiveNewImage(
  context: StageContext,
  options: ReceiveOptions,
  image: NewImage,
): Promise<string | undefined> {
  const { file } = image;
  refuseNoFile(image);
  await context.engine.refuseCreating(file);
  programFor("qemu-img", image);
  programFor("qemu-nbd", image);
  if (options.rootFirst) {
    throw new UsageError(
      `${file} does not exist, and a delta for an image is applied to one that does`,
      `create it with \`qemu-img create -f ${image.format} FILE SIZE\`, as large as the source`,
    );
  }
  if (!image.writes) {
    context.warn(`${file} does not exist: the copy creates it, as a ${image.format} image`);
    return receiveDryRun(context, options, NEW_IMAGE);
  }
  const wanted = await withRanges(options);
  const output = new Output(context.native, "hash stream", { rate: options.rate });
  const { request, onRequest } = awaitRequest(options);
  const digests = {
    ...wanted,
    extended: true,
    sized: true,
    located: true,
    onRequest: (asked: BlockRequest) =>
      // All of the source is copied, so a range map leaves nothing out that an audit could compare.
      onRequest({ ...asked, ...(options.audit && { audited: [] }) }),
  };
  const saved = saveToNewImage(context, options, { image, request });
  const sent = output.whileRead(() => sendMissing(context, digests, output));
  const [outcome] = await Promise.all([saved, sent.catch((error) => failAfter(saved, error))]);
  return outcome;
}

async function saveToNewImage(
  context: StageContext,
  options: ReceiveOptions,
  { image, request }: { image: NewImage; request: Promise<CopyRequest> },
): Promise<string | undefined> {
  const { file, force } = options;
  const input = new Input(context.native, "block stream");
  const head = await readHead(input);
  await preflight(context, { target: NEW_IMAGE, options, head, request: await request });
  const size = head?.source.size;
  if (size === undefined) {
    throw new TypeError("a stream without a size was accepted");
  }
  const { identity, keep, isUntouched } = await makeImage(context.native, { ...image, size });
  context.debug(`${file}: created, as a ${image.format} image of ${size} bytes`);
  const saving = { ...context, progress: progressOfSave(context.progress, { legacy: false }) };
  const saved = withImage(context, { ...image, made: identity }, async () => {
    const { sink } = await openDestination(context, { file, force, create: false, lock: false });
    if (sink.size !== size) {
      throw new QemuError(
        `the disk in ${file} has ${sink.size} bytes, and the source ${size}`,
        "nothing was copied; use another format",
        ExitCode.io,
      );
    }
    if (isUntouched()) {
      sink.assumeZeros();
    }
    const copying = { ...options, sparse: true };
    return saveTo(saving, { sink, keep, beforeWrite: keep }, copying, { request, input });
  });
  return saved.catch((error: unknown) => {
    if (error instanceof ImageInUseError) {
      // Whoever uses it would be left with a file without a name.
      keep();
    }
    throw error;
  });
}
