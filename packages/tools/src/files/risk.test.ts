// What a person sees of a change before it is made, and that only this change is made.
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { plannedChange } from './file-change.ts'
import { checkApproved, planOf } from './risk.ts'
import { TemporaryWorkspace } from './testing/temporary-workspace.ts'

function workspace(files: Readonly<Record<string, string>> = {}): TemporaryWorkspace {
  const made = new TemporaryWorkspace(files)
  onTestFinished(() => made[Symbol.dispose]())
  return made
}

const changeTo = (work: TemporaryWorkspace, path: string, content: string): ReturnType<typeof plannedChange> =>
  plannedChange({ root: work.root, path, maxFileBytes: 1_000_000 }, () => Buffer.from(content))

describe('a plan', () => {
  it('shows the path and every changed line, and names the real path', async () => {
    const work = workspace({ 'a.txt': 'one\ntwo\n' })
    const realPath = join(work.root, 'a.txt')
    const plan = planOf(await changeTo(work, './x/../a.txt', 'one\n2\n'))
    expect(plan.display).toBe(`Change ${realPath}\n@@ -1,2 +1,2 @@\n one\n-two\n+2`)
    expect(plan.permits).toEqual([{ subject: `files:write:${realPath}`, args: [] }])
    const lines = Array.from({ length: 20_000 }, (_value, index) => `${index}\n`)
    const created = planOf(await changeTo(work, 'new.txt', lines.join('')))
    expect(created.display).toContain(`Create ${join(work.root, 'new.txt')}\n`)
    expect(created.display.split('\n')).toHaveLength(20_002)
    expect(JSON.stringify(created.detail).length).toBeLessThan(10_000)
  })

  it('holds for its content and its file only', async () => {
    const work = workspace({ 'a.txt': 'one', 'b.txt': 'one' })
    const change = await changeTo(work, 'a.txt', 'two')
    const approved = { plan: planOf(change).detail }
    expect(() => checkApproved(change, approved)).not.toThrow()
    expect(() => checkApproved(change, { plan: undefined })).not.toThrow()
    for (const other of [await changeTo(work, 'b.txt', 'two'), await changeTo(work, 'a.txt', 'three')]) {
      expect(() => checkApproved(other, approved)).toThrow('has changed since this call was planned')
    }
    work.write('a.txt', 'exchanged')
    const later = await changeTo(work, 'a.txt', 'two')
    expect(() => checkApproved(later, approved)).toThrow('has changed since')
  })
})
