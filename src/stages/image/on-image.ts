import type { StageContext } from "../../blocks/context.ts";
import { exists } from "../../transport/files/small-file.ts";
import { formatOfName } from "./format.ts";
import type { ImageUse, NewImage } from "./image-use.ts";

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
