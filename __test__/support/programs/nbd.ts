// NBD servers on Unix sockets: those that operators run, and one that does what a test wants.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type Cleaning, defer } from "../cleanup.ts";
import { killAtEnd } from "./children.ts";
import { scratch } from "../files/files.ts";
import { eventually } from "./eventually.ts";

/** The URI of an export of the server at a socket. */
export function uriOf(socket: string, name = ""): string {
  return `nbd+unix:///${name}?socket=${socket}`;
}

/** Starts a server until the test ends. `argv` gets the path of its socket. Returns the URI of its default export. */
export async function serveNbd(
  t: Cleaning,
  argv: (socket: string) => readonly string[],
): Promise<string> {
  const socket = join(scratch(t), "nbd.sock");
  const [program = "", ...args] = argv(socket);
  const child = spawn(program, args, { stdio: "ignore", detached: true });
  killAtEnd(t, child);
  const what = `listens: ${argv(socket).join(" ")}`;
  const listens = (): boolean => {
    if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}, never ${what}`);
    return existsSync(socket);
  };
  await eventually(listens, { what });
  return uriOf(socket);
}

/** Serves with nbdkit: the words after its own options. */
export function nbdkit(t: Cleaning, ...words: string[]): Promise<string> {
  return serveNbd(t, (socket) => ["nbdkit", "-f", "-U", socket, ...words]);
}

/** Serves a raw image with qemu-nbd, to any number of clients, or to `clients` at a time. */
export function qemuNbd(t: Cleaning, file: string, clients = 0): Promise<string> {
  const limit = ["-e", String(clients)];
  return serveNbd(t, (socket) => ["qemu-nbd", "-t", ...limit, "-f", "raw", "-k", socket, file]);
}

/** Commands of the protocol. */
export const NBD = { read: 0, write: 1, disconnect: 2, flush: 3 } as const;

/** Flags of an export. */
export const FLAG = { readOnly: 2 + 1, flush: 4 + 1, fua: 8 + 1 } as const;

/** A request that a {@link fakeNbd} has got. */
export interface NbdRequest {
  flags: number;
  command: number;
  cookie: Buffer;
  offset: number;
  length: number;
}

/** Behaviour of a {@link fakeNbd}. */
export interface Fake {
  size: number;
  flags: number;
  /** The error, and its message, for the choice of the export; none if undefined. */
  refuses?: [error: number, message: string];
  /** Answers a request; without it each succeeds, and reads are zeros. */
  answer?: (request: NbdRequest, socket: Socket) => void;
}

/** Writes a simple reply that reports success, with `data`. */
export function reply({ cookie }: Pick<NbdRequest, "cookie">, socket: Socket, data?: Buffer): void {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(0x67446698);
  socket.write(Buffer.concat([head, cookie, data ?? Buffer.alloc(0)]));
}

function succeed(request: NbdRequest, socket: Socket): void {
  reply(request, socket, request.command === NBD.read ? Buffer.alloc(request.length) : undefined);
}

/** Starts a server in this process, without structured replies. Returns its URI, and all requests that it gets. */
export async function fakeNbd(
  t: Cleaning,
  fake: Fake,
): Promise<{ uri: string; requests: NbdRequest[] }> {
  const path = join(scratch(t), "nbd.sock");
  const requests: NbdRequest[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    void converse(socket, fake, requests);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  defer(t, () => server.close());
  return { uri: uriOf(path), requests };
}

async function converse(socket: Socket, fake: Fake, requests: NbdRequest[]): Promise<void> {
  const next = reader(socket);
  const hello = Buffer.alloc(18);
  hello.write("NBDMAGICIHAVEOPT");
  hello.writeUInt16BE(3, 16);
  socket.write(hello);
  if ((await next(4)) === undefined) return;
  while (await negotiates(socket, fake, next));
  for (;;) {
    const head = await next(28);
    if (head === undefined) return;
    const request = {
      flags: head.readUInt16BE(4),
      command: head.readUInt16BE(6),
      cookie: Buffer.from(head.subarray(8, 16)),
      offset: Number(head.readBigUInt64BE(16)),
      length: head.readUInt32BE(24),
    };
    if (request.command === NBD.disconnect) return;
    if (request.command === NBD.write && (await next(request.length)) === undefined) return;
    requests.push(request);
    (fake.answer ?? succeed)(request, socket);
  }
}

/** Answers one option. Returns false when requests come next. */
async function negotiates(socket: Socket, fake: Fake, next: Reader): Promise<boolean> {
  const head = await next(16);
  if (head === undefined) return false;
  const option = head.readUInt32BE(8);
  if ((await next(head.readUInt32BE(12))) === undefined) return false;
  const send = (type: number, data = Buffer.alloc(0)): void => {
    const bytes = Buffer.alloc(20);
    bytes.writeBigUInt64BE(0x3e889045565a9n);
    bytes.writeUInt32BE(option, 8);
    bytes.writeUInt32BE(type, 12);
    bytes.writeUInt32BE(data.length, 16);
    socket.write(Buffer.concat([bytes, data]));
  };
  if (option !== 7) {
    send(2 ** 31 + 1);
    return true;
  }
  if (fake.refuses !== undefined) {
    const [error, message] = fake.refuses;
    send(2 ** 31 + error, Buffer.from(message));
    return true;
  }
  const info = Buffer.alloc(12);
  info.writeBigUInt64BE(BigInt(fake.size), 2);
  info.writeUInt16BE(fake.flags, 10);
  send(3, info);
  send(1);
  return false;
}

/** Returns bytes that have arrived; undefined after the end. */
type Reader = (length: number) => Promise<Buffer | undefined>;

function reader(socket: Socket): Reader {
  let arrived = Buffer.alloc(0);
  let ended = false;
  let wake = (): void => {};
  socket.on("data", (bytes) => {
    arrived = Buffer.concat([arrived, Buffer.from(bytes)]);
    wake();
  });
  socket.on("close", () => {
    ended = true;
    wake();
  });
  return async (length) => {
    while (arrived.length < length) {
      if (ended) return undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const bytes = arrived.subarray(0, length);
    arrived = arrived.subarray(length);
    return bytes;
  };
}
