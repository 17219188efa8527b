/** Fields of lvs(8) that are asked for, in its order. All values are text. */
export const FIELDS = [
  "vg_name",
  "lv_name",
  "lv_attr",
  "lv_layout",
  "lv_role",
  "lv_size",
  "lv_tags",
  "lv_dm_path",
  "lv_kernel_major",
  "lv_kernel_minor",
  "lv_health_status",
  "lv_snapshot_invalid",
  "origin",
  "pool_lv",
  "data_percent",
  "metadata_percent",
  "vg_free",
  "vg_extent_size",
] as const;

/** A logical volume as lvs(8) reports it. */
export type VolumeRow = Readonly<Record<(typeof FIELDS)[number], string>>;

/** Fields that also tell a volume from any other that has, or had, its name. */
export const IDENTIFYING_FIELDS = [
  ...FIELDS,
  "vg_uuid",
  "lv_uuid",
  "thin_id",
  "transaction_id",
  "chunk_size",
] as const;

/** A volume with all of {@link IDENTIFYING_FIELDS}. */
export type IdentifiedRow = Readonly<Record<(typeof IDENTIFYING_FIELDS)[number], string>>;

/**
 * Parses what `lvs --reportformat json` prints for some fields.
 *
 * @throws Error that says what is wrong with it
 */
export function parseRows<Field extends string>(
  text: string,
  names: readonly Field[],
): Readonly<Record<Field, string>>[] {
  const parsed: unknown = JSON.parse(text);
  const reports = fieldOf(parsed, "report");
  if (!Array.isArray(reports) || reports.length !== 1) {
    throw new Error("it has not one report");
  }
  const rows = fieldOf(reports[0], "lv");
  if (!Array.isArray(rows)) {
    throw new Error("it has no list `lv`");
  }
  return rows.map((row) => toRow(row, names));
}

function toRow<Field extends string>(
  row: unknown,
  names: readonly Field[],
): Readonly<Record<Field, string>> {
  const fields = names.map((name) => {
    const value = fieldOf(row, name);
    if (typeof value !== "string") {
      throw new Error(`its field ${name} is missing`);
    }
    return [name, value] as const;
  });
  return Object.fromEntries(fields) as Record<Field, string>;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** Splits a list, as of tags, roles and layouts. */
export function listIn(text: string): string[] {
  return text.split(",").filter((word) => word !== "");
}

/** Returns a number of bytes. */
export function bytesIn(text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new Error(`${JSON.stringify(text)} is no number of bytes`);
  }
  return Number(text);
}

/** Returns a percentage; undefined where LVM does not know it. */
export function percentIn(text: string): number | undefined {
  return /^\d{1,3}(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** True if the kernel has given up a classic snapshot, which happens when it is full. See `lv_attr` in lvs(8). */
export function isInvalid({ lv_attr: attributes, lv_snapshot_invalid: flag }: VolumeRow): boolean {
  return ["I", "S"].includes(attributes.charAt(4)) || !["", "0", "unknown", "-1"].includes(flag);
}

/** True if something has the device of a volume open. See `lv_attr` in lvs(8). */
export function isOpen({ lv_attr: attributes }: VolumeRow): boolean {
  return attributes.charAt(5) === "o";
}
