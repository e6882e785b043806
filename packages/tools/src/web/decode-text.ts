/** Decodes the text of a response: by the charset of its header, then by its byte order mark, then by what the page says itself. */

/** Returns the text of `bytes`; `contentType` is the header of the response. Bytes that fit no charset become replacement characters. */
export function decodeText(bytes: Uint8Array, contentType: string | null): string {
  const declared = /charset\s*=\s*"?\s*([^\s;"]+)/i.exec(contentType ?? '')?.[1]
  const decoder = decoderOf(declared) ?? decoderOf(markOf(bytes)) ?? decoderOf(metaOf(bytes)) ?? new TextDecoder()
  return decoder.decode(bytes)
}

/** Undefined for a name that is no charset. */
function decoderOf(label: string | undefined): InstanceType<typeof TextDecoder> | undefined {
  if (label === undefined) return undefined
  try {
    return new TextDecoder(label)
  } catch {
    return undefined
  }
}

function markOf([first, second, third]: Uint8Array): string | undefined {
  if (first === 0xef && second === 0xbb && third === 0xbf) return 'utf-8'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return first === 0xff && second === 0xfe ? 'utf-16le' : undefined
}

/** The charset that the first kilobyte of a page or of an XML document names; a page that can be read as ASCII is not in UTF-16. */
function metaOf(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 1024)).toString('latin1')
  const found =
    /<meta[^>]{0,500}charset\s*=\s*["']?\s*([^\s"'/>;]+)/i.exec(start) ?? /^<\?xml[^>]{0,200}encoding\s*=\s*["']([^"']+)/i.exec(start)
  const label = found?.[1]
  return label !== undefined && /^utf-?16/i.test(label) ? 'utf-8' : label
}
