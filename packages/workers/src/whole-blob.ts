/** An attachment in one piece, as it travels. */

/** Resolves with all bytes. Rejects as the reading does. */
export async function wholeBlob(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}
