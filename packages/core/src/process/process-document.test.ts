import { describe, expect, test } from 'vitest'
import { parseTenantId } from '../base/ids.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import { ProcessDocument } from './process-document.ts'

/** A document whose writes wait until the test lets them go. */
function heldDocument() {
  const store = new MemoryStore()
  const put = store.put.bind(store)
  const written: unknown[] = []
  const gates: PromiseWithResolvers<void>[] = []
  store.put = async (key, value, options) => {
    written.push((value as { state: number }).state)
    const gate = Promise.withResolvers<void>()
    gates.push(gate)
    await gate.promise
    return put(key, value, options)
  }
  let state = 0
  const document = new ProcessDocument(store, [parseTenantId('default'), 'processes', 'a'], () => ({ state }))
  return { document, written, gates, set: (value: number) => (state = value) }
}

describe('the document of a process', () => {
  test('has one write under way and one that waits, with the state of when it begins', async () => {
    const { document, written, gates, set } = heldDocument()
    set(1)
    const first = document.save()
    set(2)
    const [second, third] = [document.save(), document.save()]
    set(3)
    expect(written).toEqual([1])
    gates[0]?.resolve()
    await first
    await Promise.resolve()
    gates[1]?.resolve()
    await Promise.all([second, third])
    expect(written).toEqual([1, 3])
  })

  test('writes what waits also after a write that failed', async () => {
    const { document, written, gates } = heldDocument()
    const first = document.save()
    const second = document.save()
    gates[0]?.reject(new Error('disk'))
    await expect(first).rejects.toThrow('disk')
    await Promise.resolve()
    gates[1]?.resolve()
    await second
    expect(written).toHaveLength(2)
  })

  test('writes nothing once it is closed: its next owner may have written', async () => {
    const { document, written, gates } = heldDocument()
    const first = document.save()
    const second = document.save()
    document.close()
    gates[0]?.resolve()
    await Promise.all([first, second, document.save()])
    expect(written).toHaveLength(1)
  })
})
