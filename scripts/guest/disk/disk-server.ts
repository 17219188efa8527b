import { createServer, type Server, type Socket } from "node:net";
import {
  COMMAND,
  ERROR,
  exportInfo,
  FORCE_UNIT_ACCESS,
  NBD,
  OPTION,
  OPTION_REPLY,
} from "./nbd-protocol.ts";
import { optionReply, parseRequest, reply, REQUEST_LENGTH, type Request } from "./nbd-protocol.ts";
import type { Power } from "./power.ts";
import { ByteReader } from "./byte-reader.ts";
import { MediaError, type VolatileDisk } from "./volatile-disk.ts";

/** Serves a disk to qemu over NBD, at a socket. */
export class DiskServer {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();

  private constructor(
    readonly socket: string,
    private readonly disk: VolatileDisk,
    private readonly power: Power,
  ) {
    this.#server = createServer((connection) => {
      this.#connections.add(connection);
      connection.once("close", () => this.#connections.delete(connection));
      // Whatever goes wrong here, qemu sees a connection that ends, and the disk of the guest fails.
      this.#serve(connection).catch((error: unknown) => {
        if (this.power.isOn) console.error("the disk server failed:", error);
        connection.destroy();
      });
    });
  }

  static async start(socket: string, disk: VolatileDisk, power: Power): Promise<DiskServer> {
    const server = new DiskServer(socket, disk, power);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject).listen(socket, resolve);
    });
    return server;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // Nothing reads from a connection after a power cut, so its end would go unnoticed.
    for (const connection of this.#connections) connection.destroy();
    await closed;
  }

  async #serve(connection: Socket): Promise<void> {
    const input = new ByteReader(connection);
    if (!(await this.#negotiate(input, connection))) return;
    for (;;) {
      const header = await input.take(REQUEST_LENGTH);
      if (header === undefined) return;
      const request = parseRequest(header);
      if (request.command === COMMAND.disconnect) {
        connection.end();
        return;
      }
      const data = request.command === COMMAND.write ? await input.take(request.length) : undefined;
      const answer = this.#answer(request, data);
      // After a power cut, nothing answers any more.
      if (answer === undefined) return;
      connection.write(answer);
    }
  }

  /** Answers options until the client begins to send requests. */
  async #negotiate(input: ByteReader, connection: Socket): Promise<boolean> {
    const flags = Buffer.alloc(2);
    flags.writeUInt16BE(NBD.handshakeFlags);
    connection.write(Buffer.concat([NBD.magic, flags]));
    await input.take(4);
    for (;;) {
      const header = await input.take(16);
      if (header === undefined) return false;
      const option = header.readUInt32BE(8);
      await input.take(header.readUInt32BE(12));
      if (option === OPTION.go) {
        connection.write(optionReply(option, OPTION_REPLY.info, exportInfo(this.disk.size)));
        connection.write(optionReply(option, OPTION_REPLY.ack));
        return true;
      }
      if (option === OPTION.abort) return false;
      connection.write(optionReply(option, OPTION_REPLY.unsupported));
    }
  }

  #answer(request: Request, data: Buffer | undefined): Buffer | undefined {
    try {
      const content = this.#perform(request, data);
      return this.power.isOn ? Buffer.concat([reply(request, ERROR.none), content]) : undefined;
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      return reply(request, ERROR.io);
    }
  }

  #perform(request: Request, data: Buffer | undefined): Buffer {
    const { command, offset, length } = request;
    const content: Buffer | undefined =
      data ?? (command === COMMAND.zeroes ? Buffer.alloc(length) : undefined);
    if (content !== undefined) {
      const written = this.power.spend(content, this.disk.sector);
      this.disk.write(offset, written);
      if (this.power.isOn && (request.flags & FORCE_UNIT_ACCESS) !== 0) this.disk.flush();
    } else if (command === COMMAND.read) {
      return this.disk.read(offset, length);
    } else if (command === COMMAND.flush && this.power.allowsFlush()) {
      this.disk.flush();
    }
    return Buffer.alloc(0);
  }
}
