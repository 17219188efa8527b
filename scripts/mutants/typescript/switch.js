export const mutantSwitch = () => {
  // Selects one of the mutants of this build, and records the places that are reached if the file of the record exists.
  const { appendFileSync, existsSync, readFileSync } = process.getBuiltinModule("node:fs");
  const folder = FOLDER;
  const selected = process.env.BLOCKCOPY_MUTANT;
  let active = selected ?? "0";
  try {
    active = selected ?? readFileSync(`${folder}/active`, "utf8").trim();
  } catch {
    // None is selected.
  }
  const seen = new Set();
  const isRecorded = selected === undefined && existsSync(`${folder}/reached`);
  const record = new Proxy(
    {},
    {
      get: () => 0,
      set: (_, id) => {
        if (isRecorded && !seen.has(id)) {
          seen.add(id);
          appendFileSync(`${folder}/reached`, `${Number(id) + 1}\n`);
        }
        return true;
      },
    },
  );
  // Numbers of Stryker begin with 0.
  return {
    activeMutant: String(Number(active) - 1),
    mutantCoverage: { static: record, perTest: {} },
    forget: () => seen.clear(),
  };
};
