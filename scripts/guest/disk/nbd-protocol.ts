/** Numbers of the NBD protocol (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md). */
export const NBD = {
  magic: Buffer.from("NBDMAGICIHAVEOPT"),
  optionMagic: Buffer.from("IHAVEOPT"),
  optionReplyMagic: 0x0003e889045565a9n,
  requestMagic: 0x25609513,
  replyMagic: 0x67446698,
  handshakeFlags: 0b11,
  /** It has flags, and can flush, force unit access, trim and write zeros. */
  exportFlags: 0b110_1101,
} as const;

export const OPTION = { abort: 2, go: 7 } as const;
export const OPTION_REPLY = { ack: 1, info: 3, unsupported: 0x8000_0001 } as const;
export const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3, trim: 4, zeroes: 6 } as const;
export const ERROR = { none: 0, io: 5, invalid: 22 } as const;
/** The flag of a request that must be on the disk before its answer. */
export const FORCE_UNIT_ACCESS = 1;

export interface Request {
  readonly flags: number;
  readonly command: number;
  readonly handle: Buffer;
  readonly offset: number;
  readonly length: number;
}

export const REQUEST_LENGTH = 28;

export function parseRequest(header: Buffer): Request {
  if (header.readUInt32BE(0) !== NBD.requestMagic) throw new Error("not a request of NBD");
  return {
    flags: header.readUInt16BE(4),
    command: header.readUInt16BE(6),
    handle: header.subarray(8, 16),
    offset: Number(header.readBigUInt64BE(16)),
    length: header.readUInt32BE(24),
  };
}

export function reply(request: Request, error: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32BE(NBD.replyMagic, 0);
  header.writeUInt32BE(error, 4);
  request.handle.copy(header, 8);
  return header;
}

export function optionReply(option: number, type: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(20);
  header.writeBigUInt64BE(NBD.optionReplyMagic, 0);
  header.writeUInt32BE(option, 8);
  header.writeUInt32BE(type, 12);
  header.writeUInt32BE(data.length, 16);
  return Buffer.concat([header, data]);
}

/** Says how large the export is and what it can do. */
export function exportInfo(size: number): Buffer {
  const info = Buffer.alloc(12);
  info.writeBigUInt64BE(BigInt(size), 2);
  info.writeUInt16BE(NBD.exportFlags, 10);
  return info;
}
