import type { StageContext } from "../../blocks/context.ts";
import { UsageError } from "../../errors/copy-error.ts";
import type * as Binding from "../../native/binding.js";
import { type FormatChoice, formatOfName, type ImageChoice, type ImageFormat } from "./format.ts";
import { ImageError } from "./image-error.ts";

/**
 * Decides the format of a file or device, by the option and by what it begins with. Whoever writes to a raw disk also decides what it
 * begins with, so that alone never makes it an image: with `auto`, the name of the file must agree.
 *
 * @returns undefined for raw
 * @throws UsageError, ImageError, the engine's failures
 */
export async function chooseFormat(
  { engine }: Pick<StageContext, "engine">,
  file: string,
  container: Binding.Source,
  { format, option }: ImageChoice,
): Promise<ImageFormat | undefined> {
  const found = await engine.imageOf(container);
  const named = container.isDevice ? undefined : formatOfName(file);
  if (format === "auto" && found?.format !== named) {
    throw new UsageError(
      `${file} ${found ? `begins like a ${found.format} image` : "begins like no image"}, and its name ${named ? `ends with .${named}` : "does not say so"}: a guest can make its raw disk begin like an image`,
      `say what it is: ${option} raw, or ${option} ${found?.format ?? named}`,
    );
  }
  const chosen = format === "auto" ? named : format;
  if (chosen === undefined) {
    return undefined;
  }
  if (found?.format !== chosen) {
    const isEmpty = container.size === 0 && !container.isDevice;
    const begins = `it begins like ${found?.format ?? "none"}`;
    throw new ImageError(
      `${file} is not a ${chosen} image: ${isEmpty ? "it is empty" : begins}`,
      isEmpty
        ? `remove it, unless another copy is just creating it; \`sync --create ${option} ${chosen}\` then creates an image`
        : `check the name and ${option}`,
    );
  }
  if (found.obstacle !== undefined) {
    throw new ImageError(
      `${file} cannot be opened as ${chosen}: ${found.obstacle}`,
      "convert it into an image of its own (`qemu-img convert`), or serve it with `qemu-nbd` and copy the nbd+unix:// URI, if you trust all that it names",
    );
  }
  return chosen;
}

/** Warns of a file that begins like an image, and is copied as it is because no format was given. */
export async function warnOfImage(
  { engine, warn }: Pick<StageContext, "engine" | "warn">,
  file: string,
  source: Binding.Source,
  { format, option }: FormatChoice,
): Promise<void> {
  if (format !== undefined || source.isDevice) {
    return;
  }
  // If it cannot be read, the copy says so.
  const found = await engine.imageOf(source).catch(() => null);
  if (found !== null) {
    warn(
      `${file} begins like a ${found.format} image and is copied as it is, byte for byte; for the disk in it, use ${option} ${found.format}; without this warning: ${option} raw`,
    );
  }
}
