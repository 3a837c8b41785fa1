/** The same bytes as a Buffer, not copied: databases and codecs give views of Node's own memory as bare arrays. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
