/**
 * The part of gRPC over HTTP/2 that a unary call needs: the prefix of a message, and the status at the end of a call.
 * Source: grpc/grpc, doc/PROTOCOL-HTTP2.md; google/rpc/status.proto and error_details.proto.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** A compressed flag and the length of the message. */
const PREFIX_BYTES = 5

export interface GrpcMessage {
  readonly isCompressed: boolean
  readonly bytes: Buffer
}

/** Reads the one message of a unary call. Returns what is wrong with the frame if it has none, or more than one. */
export function readMessage(frame: Buffer): GrpcMessage | string {
  if (frame.length < PREFIX_BYTES) return 'the call contains no message'
  const flag = frame[0]!
  if (flag > 1) return 'the first byte of the message must be 0 or 1'
  const length = frame.readUInt32BE(1)
  if (frame.length !== PREFIX_BYTES + length)
    return `the call must contain one message: it states ${length} bytes, and ${frame.length - PREFIX_BYTES} follow`
  return { isCompressed: flag === 1, bytes: frame.subarray(PREFIX_BYTES) }
}

/** A message with its prefix, not compressed. */
export function printMessage(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + message.length)
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, PREFIX_BYTES)
  return frame
}

/**
 * The headers that state why a call failed. `retryAfterSeconds` becomes a RetryInfo: without it, an OTLP client does not retry
 * RESOURCE_EXHAUSTED.
 */
export function statusHeaders(
  code: number,
  message: string,
  retryAfterSeconds: number | undefined,
): Readonly<Record<string, string>> {
  const headers = { 'grpc-status': String(code), 'grpc-message': percentEncode(message) }
  if (retryAfterSeconds === undefined) return headers
  const details = printStatus(code, message, Math.max(1, Math.ceil(retryAfterSeconds)))
  return { ...headers, 'grpc-status-details-bin': Buffer.from(details).toString('base64') }
}

const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

/** A google.rpc.Status with a RetryInfo. */
function printStatus(code: number, message: string, retryAfterSeconds: number): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.Varint).int32(code)
  writer.tag(2, WireType.LengthDelimited).string(message)
  const any = writer.tag(3, WireType.LengthDelimited).fork()
  any.tag(1, WireType.LengthDelimited).string(RETRY_INFO)
  const retryInfo = any.tag(2, WireType.LengthDelimited).fork()
  const duration = retryInfo.tag(1, WireType.LengthDelimited).fork()
  duration.tag(1, WireType.Varint).int64(retryAfterSeconds)
  return duration.join().join().join().finish()
}

const percentEncode = (text: string): string =>
  text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, part => encodeURIComponent(part))
