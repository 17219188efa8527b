/** Formats of images that can be opened: the names that QEMU has for them, which are also the endings of their files. */
const IMAGE_FORMATS = ["qcow2", "vmdk", "vhdx", "vdi"] as const;

/** Values of the options for the format of a file or device. */
export const FORMATS = ["raw", ...IMAGE_FORMATS, "auto"] as const;

export type Format = (typeof FORMATS)[number];

/** Format of an image. */
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** Returns the format that the name of a file ends with; undefined for any other name. */
export function formatOfName(file: string): ImageFormat | undefined {
  const name = file.toLowerCase();
  return IMAGE_FORMATS.find((format) => name.endsWith(`.${format}`));
}

/** The format that was asked for, and the option for it. */
export interface FormatChoice {
  /** Undefined if the option was not given: raw, with a warning for what begins like an image. */
  format: Format | undefined;
  /** Name of the option, for messages. */
  option: "--format" | "--source-format" | "--destination-format";
}

/** A choice that is not raw. */
export type ImageChoice = FormatChoice & { format: ImageFormat | "auto" };
