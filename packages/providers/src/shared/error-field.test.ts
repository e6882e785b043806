import { describe, expect, it } from 'vitest'
import { ErrorFields } from './error-field.ts'

function rewritten(...pieces: readonly string[]): string {
  const fields = new ErrorFields()
  return pieces.map((piece) => fields.rewrite(piece)).join('') + fields.end()
}

describe('a field of the name error', () => {
  it.each(['\n', '\r\n', '\r'])('becomes an event, however it is cut (line end %j)', (end) => {
    const stream = `data: {"a":"error: {"}${end}${end}error: {"code":400}${end}${end}data: [DONE]${end}${end}`
    const expected = stream.replace(`${end}error: `, `${end}event: error\ndata: `)
    for (let cut = 0; cut <= stream.length; cut++) expect(rewritten(stream.slice(0, cut), stream.slice(cut)), String(cut)).toBe(expected)
    expect(rewritten(...stream)).toBe(expected)
  })

  it('becomes one also at the beginning and without a space', () => {
    expect(rewritten('error:{"a":1}\n\n')).toBe('event: error\ndata: {"a":1}\n\n')
  })

  it('stays what it is within a line, without an object, and when the stream ends within it', () => {
    for (const stream of ['data: x error: {"a":1}\n\n', 'error: none\n\n', 'errors: {"a":1}\n\n', 'data: x\n\nerr', 'data: x\n\nerror: ']) {
      for (let cut = 0; cut <= stream.length; cut++) expect(rewritten(stream.slice(0, cut), stream.slice(cut))).toBe(stream)
    }
  })
})
