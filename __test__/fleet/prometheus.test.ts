// examples/prometheus: the rules and the dashboard, against the metrics that a copy writes, with promtool, and in a running Prometheus.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parse, stringify } from "yaml";
import { example } from "../support/fleet/fleet.ts";
import { scratch } from "../support/files/files.ts";
import { killAtEnd } from "../support/programs/children.ts";
import { EXIT, run } from "../support/programs/cli.ts";
import { eventually } from "../support/programs/eventually.ts";
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

/** Reserves a port of this host for a moment, and returns its address. */
async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  server.close();
  await once(server, "close");
  return `127.0.0.1:${address.port}`;
}

/** The rules of the example, which fire at once. */
function hastyRules(): string {
  const rules = parse(readFileSync(RULES, "utf8")) as {
    groups: { rules: { for?: string }[] }[];
  };
  for (const rule of rules.groups.flatMap((group) => group.rules)) delete rule.for;
  return stringify(rules);
}

function serve(t: TestContext, command: string, ...args: string[]): void {
  killAtEnd(t, spawn(command, args, { stdio: "ignore" }));
}

/** A time series as Prometheus answers it. */
interface Series {
  metric: Record<string, string>;
}

test(
  "a node exporter and Prometheus: the queries have answers, and a failure an alert",
  { skip: lacking("prometheus", "prometheus-node-exporter") },
  async (t) => {
    const { folder, from, to } = pair(t);
    const metrics = join(folder, "metrics");
    mkdirSync(metrics);
    const copy = (source: string, name: string): ReturnType<typeof run> =>
      run(["sync", "-q", "--metrics", join(metrics, `${name}.prom`), source, to]);
    assert.equal((await copy(from, "good")).code, EXIT.ok);
    assert.equal((await copy(join(folder, "missing"), "bad")).code, EXIT.missing);

    const [exporter, prometheus] = [await freeAddress(), await freeAddress()];
    serve(
      t,
      "prometheus-node-exporter",
      "--collector.disable-defaults",
      "--collector.textfile",
      `--collector.textfile.directory=${metrics}`,
      `--web.listen-address=${exporter}`,
    );
    writeFileSync(join(folder, "rules.yml"), hastyRules());
    const configuration = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: ["rules.yml"],
      scrape_configs: [{ job_name: "node", static_configs: [{ targets: [exporter] }] }],
    };
    writeFileSync(join(folder, "prometheus.yml"), stringify(configuration));
    serve(
      t,
      "prometheus",
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=${prometheus}`,
    );
    // Until then, it refuses connections, or answers that the service is unavailable.
    const isReady = async (): Promise<boolean> =>
      (await fetch(`http://${prometheus}/-/ready`).catch(() => undefined))?.ok === true;
    await eventually(isReady, { what: "was ready" });
    const ask = async (query: string): Promise<Series[]> => {
      const url = `http://${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`;
      const answer = await fetch(url);
      const { data } = (await answer.json()) as { data: { result: Series[] } };
      return data.result;
    };
    const fires = async (): Promise<boolean> => (await ask("ALERTS")).length >= 2;
    await eventually(fires, { what: "fired" });
    const alerts = await ask('ALERTS{alertstate="firing"}');
    assert.deepEqual(
      new Set(alerts.map(({ metric }) => `${metric["alertname"]} ${metric["source"]}`)),
      new Set(
        ["BlockcopyCopyFails", "BlockcopyNoCopyYet"].map(
          (name) => `${name} ${join(folder, "missing")}`,
        ),
      ),
    );
    for (const query of queries()) {
      const answers = await ask(query);
      assert.ok(answers.length > 0, query);
    }
  },
);
