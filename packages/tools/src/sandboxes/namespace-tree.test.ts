import { expect, it } from 'vitest'
import { NamespaceTree } from './namespace-tree.ts'
import { allPids, factsOf } from './process-facts.ts'

it.skipIf(process.platform !== 'linux')('the namespace of this process has no members: they are not those of a command', () => {
  const self = { pid: process.pid, startTime: factsOf(process.pid)?.startTime ?? '' }
  expect(new NamespaceTree({ outer: self, init: self, hasExited: () => false }).members(allPids())).toEqual([])
})
