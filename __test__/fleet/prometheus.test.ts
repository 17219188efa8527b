// examples/prometheus: the rules as promtool checks and runs them, and the dashboard, against the metrics that a copy writes.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse, stringify } from "yaml";
import { example } from "../support/fleet/fleet.ts";
import { scratch } from "../support/files/files.ts";
import { EXIT, run } from "../support/programs/cli.ts";
import { pair } from "../support/programs/sync-pair.ts";
import { lacking, system } from "../support/programs/tools.ts";

const RULES = example("prometheus", "blockcopy.rules.yml");

/** The reason that promtool cannot check anything here, or `false`. */
const skip = lacking("promtool");

const DAY = 24 * 3600;

interface Target {
  expr: string;
}

interface Dashboard {
  panels: { id: number; title: string; targets: Target[] }[];
}

/** The queries of the dashboard. */
function queries(): string[] {
  const text = readFileSync(example("prometheus", "dashboard.json"), "utf8");
  const { panels } = JSON.parse(text) as Dashboard;
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, "the ids of the panels");
  return panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
}

/** The names of metrics in a text. */
function metricsIn(text: string): string[] {
  return text.match(/\bblockcopy_sync_\w+/g) ?? [];
}

test("rules and dashboard ask for nothing but what a copy writes", async (t) => {
  const { folder, from, to } = pair(t);
  const file = join(folder, "copy.prom");
  const outcome = await run(["sync", "-q", "--verify", "full", "--metrics", file, from, to]);
  assert.equal(outcome.code, EXIT.ok, outcome.stderr);
  const written = new Set(metricsIn(readFileSync(file, "utf8")));
  const asked = [readFileSync(RULES, "utf8"), ...queries()].flatMap(metricsIn);
  assert.ok(asked.length > 10);
  assert.deepEqual(
    asked.filter((name) => !written.has(name)),
    [],
  );
});

test("promtool accepts the rules, and the queries of the dashboard", { skip }, (t) => {
  const file = join(scratch(t), "queries.yml");
  const rules = queries().map((expr, at) => ({ record: `query:${at}`, expr }));
  writeFileSync(file, stringify({ groups: [{ name: "dashboard", rules }] }));
  assert.match(system("promtool", "check", "rules", RULES), /SUCCESS: 4 rules found/);
  system("promtool", "check", "rules", file);
});

/** A value and the number of hours for which a metric has it. */
type Span = [value: number, hours: number];

/** Minutes between two values: Prometheus takes one that is older for gone. */
const MINUTES = 5;

/** Series of one copy for a test of promtool. */
function series(metrics: Readonly<Record<string, Span[]>>): { series: string; values: string }[] {
  return Object.entries(metrics).map(([name, spans]) => ({
    series: `blockcopy_sync_${name}{source="a",destination="b",instance="host"}`,
    values: spans.map(([value, hours]) => `${value}x${(hours * 60) / MINUTES - 1}`).join(" "),
  }));
}

/** The metrics of a copy, an hour to look at, and the alerts that fire then. */
interface Case {
  what: string;
  exit: Span[];
  run: Span[];
  success?: Span[];
  hour: number;
  alerts: string[];
}

const CASES: readonly Case[] = [
  {
    what: "a copy each night",
    exit: [[0, 48]],
    run: [
      [0, 24],
      [DAY, 24],
    ],
    success: [
      [0, 24],
      [DAY, 24],
    ],
    hour: 47,
    alerts: [],
  },
  {
    what: "no run since 40 hours",
    exit: [[0, 48]],
    run: [[0, 48]],
    success: [[0, 48]],
    hour: 40,
    alerts: ["BlockcopyCopyTooOld"],
  },
  {
    what: "a failure that another run makes good",
    exit: [
      [75, 0.25],
      [0, 2],
    ],
    run: [[0, 2]],
    success: [[0, 2]],
    hour: 1,
    alerts: [],
  },
  {
    what: "a failure that stays",
    exit: [
      [0, 10],
      [74, 20],
    ],
    run: [[0, 30]],
    success: [[0, 30]],
    hour: 20,
    alerts: ["BlockcopyCopyFails"],
  },
  {
    what: "never a success",
    exit: [[66, 48]],
    run: [[0, 48]],
    hour: 30,
    alerts: ["BlockcopyCopyFails", "BlockcopyNoCopyYet"],
  },
  {
    what: "metrics that are gone",
    exit: [[0, 10]],
    run: [[0, 10]],
    success: [[0, 10]],
    hour: 20,
    alerts: ["BlockcopyMetricsGone"],
  },
];

test("each alert fires when it should, and no other", { skip }, (t) => {
  const folder = scratch(t);
  const file = parse(readFileSync(RULES, "utf8")) as { groups: { rules: { alert: string }[] }[] };
  const all = file.groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
  const fired = new Set(CASES.flatMap(({ alerts }) => alerts));
  assert.deepEqual(
    all.filter((name) => !fired.has(name)),
    [],
    "alerts without a case",
  );
  for (const { what, exit, run: ran, success = [], hour, alerts } of CASES) {
    const metrics = {
      exit_code: exit,
      last_run_timestamp_seconds: ran,
      last_success_timestamp_seconds: success,
    };
    const promql_expr_test = all.map((name) => ({
      expr: `count(ALERTS{alertname="${name}", alertstate="firing"}) or vector(0)`,
      eval_time: `${hour}h`,
      exp_samples: [{ labels: "{}", value: alerts.includes(name) ? 1 : 0 }],
    }));
    const path = join(folder, "test.yml");
    const input_series = series(metrics).filter(({ values }) => values !== "");
    const tests = [{ interval: `${MINUTES}m`, input_series, promql_expr_test }];
    writeFileSync(path, stringify({ rule_files: [RULES], evaluation_interval: "10m", tests }));
    t.diagnostic(what);
    system("promtool", "test", "rules", path);
  }
});
