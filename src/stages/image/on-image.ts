import type { StageContext } from "../../blocks/context.ts";
import { exists } from "../../transport/files/small-file.ts";
import { type FormatChoice, formatOfName, type ImageFormat } from "./format.ts";

/** A file or device that may be an image, and its use. */
export interface ImageUse extends FormatChoice {
  file: string;
  /** A destination is refused if it is in use, unless `force` is given. */
  role: "source" | "destination";
  /** Open it for writing. */
  writes: boolean;
  force: boolean;
  /** Print the version of the server. */
  isVerbose: boolean;
  /** A message about a file that does not exist may suggest `--create`. */
  suggestsCreate?: boolean;
  /** Identity of the file, if it was created here: any other file is refused. */
  made?: string;
}

/** An image that does not exist yet. Its content tells no format, so `auto` goes by its name. */
export type NewImage = ImageUse & { format: ImageFormat };

/**
 * Does the work of a stage, with the disk in an image if a format of images was given. Only then, what serves images is loaded.
 *
 * @param create does the work with an image that does not exist; undefined if none may be created
 * @throws the errors of `withImage`, those of the work
 */
export async function onImage<T>(
  context: StageContext,
  use: ImageUse,
  work: () => Promise<T>,
  create?: (image: NewImage) => Promise<T>,
): Promise<T> {
  const { file, format } = use;
  if (format === undefined || format === "raw") {
    return work();
  }
  if (create !== undefined && !exists(file)) {
    const chosen = format === "auto" ? formatOfName(file) : format;
    return chosen === undefined ? work() : create({ ...use, format: chosen });
  }
  const { withImage } = await import("./with-image.ts");
  return withImage(context, { ...use, format }, work);
}
