import { spawnSync } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { range } from '@beamclaw/testkit'
import { describe, expect, test } from 'vitest'
import { LoopProcess } from './testing/child.ts'
import { scratchDirectory } from './testing/scratch.ts'

const can = (...wrapper: string[]): boolean => spawnSync(wrapper[0] ?? '', [...wrapper.slice(1), 'true']).status === 0
const options = (given: object): string => JSON.stringify(given)

describe('a predecessor that was killed', () => {
  test('and is a zombie, because nobody asks for its exit code, is dead', async () => {
    await using scratch = await scratchDirectory()
    // The shell becomes a sleep, which never waits for the child it has.
    await using first = new LoopProcess([scratch.path, '1'], ['sh', '-c', '"$@" & exec sleep 600', 'sh'])
    await first.until((lines) => lines.length > 3)
    const pid = spawnSync('pgrep', ['-P', String(first.child.pid)], { encoding: 'utf8' }).stdout.trim()
    process.kill(Number(pid), 'SIGKILL')
    await using second = new LoopProcess([scratch.path, '2', '3'])
    await second.ended
    expect(second.lines.at(-1)).toMatchObject({ stopped: second.acknowledged })
    expect(second.lines[0]?.opened).toBeGreaterThanOrEqual(first.acknowledged)
  })
})

describe('a process that is stopped', () => {
  const hasNetworks = can('unshare', '--net')
  if (!hasNetworks) console.log('skipped: a lock without a common socket needs `unshare --net`, which this machine does not allow')

  test.skipIf(!hasNetworks)('is known by its pid where no socket name is shared', async () => {
    await using scratch = await scratchDirectory()
    await using first = new LoopProcess([scratch.path, '1'], ['unshare', '--net'])
    await first.until((lines) => lines.length > 3)
    first.signal('SIGSTOP')
    await using second = new LoopProcess([scratch.path, '2', '3', options({ lockLeaseMs: 300 })])
    await second.ended
    expect(second.lines).toMatchObject([{ failed: 'store-locked', details: { pid: first.child.pid } }])
  })

  test('is known by its socket where the lock file is missing', async () => {
    await using scratch = await scratchDirectory()
    await using first = new LoopProcess([scratch.path, '1'])
    await first.until((lines) => lines.length > 3)
    first.signal('SIGSTOP')
    await rm(join(scratch.path, '.lock'))
    await using second = new LoopProcess([scratch.path, '2', '3'])
    await second.ended
    expect(second.lines).toMatchObject([{ failed: 'store-locked' }])
  })
})

const containers = { net: ['unshare', '--net'], pid: ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'] } as const
const isolated = [...containers.pid, ...containers.net.slice(1)]
const hasContainers = can(...isolated)
if (!hasContainers) console.log('skipped: locks between containers need `unshare --pid --net`, which this machine does not allow')

describe.skipIf(!hasContainers)('containers that share a volume and nothing else', () => {
  const lease = { lockLeaseMs: 3_000 }

  test('the second is refused while the first lives', async () => {
    await using scratch = await scratchDirectory()
    await using first = new LoopProcess([scratch.path, '1', '1000000', options(lease)], isolated)
    await first.until((lines) => lines.length > 3)
    await using second = new LoopProcess([scratch.path, '2', '3', options(lease)], isolated)
    await second.ended
    expect(second.lines).toMatchObject([{ failed: 'store-locked' }])
    const before = first.acknowledged
    await first.until(() => first.acknowledged > before + 50)
    expect(first.acknowledged).toBeGreaterThan(before)
  })

  test('the second takes over once the first was killed, and once only where several wait', async () => {
    await using scratch = await scratchDirectory()
    await using first = new LoopProcess([scratch.path, '1', '1000000', options(lease)], isolated)
    await first.until((lines) => lines.length > 3)
    const waiting = options({ ...lease, lockWaitMs: 60_000 })
    await using second = new LoopProcess([scratch.path, '2', '1000000', waiting], isolated)
    await using third = new LoopProcess([scratch.path, '3', '1000000', waiting], isolated)
    first.signal('SIGKILL')
    await first.ended
    await Promise.race([second, third].map((loop) => loop.until((lines) => lines.length > 60)))
    const opened = [second, third].filter(({ lines }) => lines.length > 0)
    expect(opened).toHaveLength(1)
    expect(opened[0]?.lines[0]?.opened).toBeGreaterThanOrEqual(first.acknowledged)
  })

  test('one that stands still longer than its lease loses it, and acknowledges nothing that the next did not read', async () => {
    await using scratch = await scratchDirectory()
    await using first = new LoopProcess([scratch.path, '1', '1000000', options({ lockLeaseMs: 600 })], ['unshare', '--net'])
    await first.until((lines) => lines.length > 3)
    first.signal('SIGSTOP')
    await using second = new LoopProcess([scratch.path, '2', '30', options({ lockLeaseMs: 600 })], isolated)
    await second.ended
    expect(second.lines.at(-1)).toMatchObject({ stopped: second.acknowledged })
    first.signal('SIGCONT')
    await first.ended
    expect(first.lines.at(-1)?.failed).toMatch(/^(fenced|store-failed)$/)
    // One acknowledgement may have been on its way out when the process was stopped.
    expect(first.acknowledged).toBeLessThanOrEqual(second.lines[0]?.opened ?? 0)
  })
})

const mounts = ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" "$1" && shift && exec "$@"']
const hasMounts = can('unshare', '--mount')
if (!hasMounts) console.log('skipped: two directories under one path need `unshare --mount`, which this machine does not allow')

test.skipIf(!hasMounts)("two directories that two mount namespaces show under one path do not get in each other's way", async () => {
  await using scratch = await scratchDirectory()
  const path = join(scratch.path, 'data')
  for (const name of ['data', 'one', 'two']) await mkdir(join(scratch.path, name))
  const loops = ['one', 'two'].map((name) => new LoopProcess([path, '1'], [...mounts, join(scratch.path, name), path]))
  try {
    for (const loop of loops) await loop.until((lines) => lines.length > 10)
    for (const loop of loops) expect(loop.lines.find(({ failed }) => failed !== undefined)).toBeUndefined()
    expect(range(1, 2).map((index) => loops[index - 1]?.acknowledged)).not.toContain(0)
  } finally {
    for (const loop of loops) await loop[Symbol.asyncDispose]()
  }
})

// What macOS has: no abstract sockets, and no /proc that tells when a process began.
const likeMacOs = [
  'env',
  `NODE_OPTIONS=--import=data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})`,
  ...['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$0" "$@"'],
]
const canHide = can(...likeMacOs.slice(2))
if (!canHide) console.log('skipped: a machine like macOS needs `unshare --mount` and `mount -t tmpfs`, which this one does not allow')

describe.skipIf(!canHide)('where there are neither sockets nor /proc, as on macOS', () => {
  const lease = { lockLeaseMs: 600 }

  test('the second is refused while the first lives, and takes over at once when it was killed', async () => {
    await using scratch = await scratchDirectory()
    await using first = new LoopProcess([scratch.path, '1', '1000000', options({ lockLeaseMs: 3_000 })], likeMacOs)
    await first.until((lines) => lines.length > 3)
    await using second = new LoopProcess([scratch.path, '2', '3', options({ lockLeaseMs: 3_000 })], likeMacOs)
    await second.ended
    expect(second.lines).toMatchObject([{ failed: 'store-locked', details: { pid: first.child.pid } }])
    expect(first.lines.find(({ failed }) => failed !== undefined)).toBeUndefined()
    first.signal('SIGKILL')
    await first.ended
    // With a lease of an hour only the death of the first explains that it does not wait.
    await using third = new LoopProcess([scratch.path, '3', '3', options({ lockLeaseMs: 3_600_000 })], likeMacOs)
    await third.ended
    expect(third.lines.at(-1)).toMatchObject({ stopped: third.acknowledged })
    expect(third.lines[0]?.opened).toBeGreaterThanOrEqual(first.acknowledged)
  })

  test('one that stands still longer than its lease loses it, and acknowledges nothing that the next did not read', async () => {
    await using scratch = await scratchDirectory()
    await using first = new LoopProcess([scratch.path, '1', '1000000', options(lease)], likeMacOs)
    await first.until((lines) => lines.length > 3)
    first.signal('SIGSTOP')
    await using second = new LoopProcess([scratch.path, '2', '30', options(lease)], likeMacOs)
    await second.ended
    expect(second.lines.at(-1)).toMatchObject({ stopped: second.acknowledged })
    first.signal('SIGCONT')
    await first.ended
    expect(first.lines.at(-1)?.failed).toMatch(/^(fenced|store-failed)$/)
    // One acknowledgement may have been on its way out when the process was stopped.
    expect(first.acknowledged).toBeLessThanOrEqual(second.lines[0]?.opened ?? 0)
  })
})
