// `beamclaw doctor --repair` over directories that are in use, full or read-only, and when it is killed; and what `beamclaw doctor` says of it.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultTenant } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { describe, expect, test } from 'vitest'
import { atRest, flip, indexOf, interrupted, resumed, snapshotOf } from '../testing/data-directory.ts'
import { startGateway } from '../testing/gateway-process.ts'
import { repairs } from '../testing/repairs.ts'
import { CliProcess, jsonLines, runCli } from '../testing/run-cli.ts'

const isRoot = process.getuid?.() === 0
const other = isRoot ? { uid: 65_534 } : {}
const canBeRefused = process.platform !== 'win32' && spawnSync('cat', [fileURLToPath(import.meta.url)], other).status === 0
if (!canBeRefused) console.log('skipped: a read-only directory needs a checkout that other users may read')
const canMount = process.platform === 'linux' && isRoot && spawnSync('unshare', ['--mount', 'true']).status === 0
if (!canMount) console.log('skipped: a full disk needs the right to mount a tmpfs')

const { folder, data, file, journal, settings, repairing, repaired } = repairs()

describe('a repair that may not, or cannot', () => {
  test('changes nothing where a gateway runs, and says to stop it first', async () => {
    const gateway = await startGateway(['--data-dir', data()])
    await runCli(['send', 'hello'], { cwd: folder(), environment: { BEAMCLAW_URL: gateway.url } })
    mkdirSync(file('notes'), { recursive: true })
    writeFileSync(file('notes', 'x.json'), 'damaged')
    writeFileSync(file('notes', '.tmp-doc-dead-1'), 'left')
    const { code, errors, output } = await repairing()
    expect({ code, output }).toEqual({ code: 1, output: '' })
    expect(errors).toMatch(
      new RegExp(
        `^beamclaw: [^\\n]* is in use by process ${gateway.child.pid}: stop that gateway first. Nothing was changed \\(store-locked\\)\\n$`,
      ),
    )
    expect(readdirSync(file('notes')).sort()).toEqual(['.tmp-doc-dead-1', 'x.json'])
    gateway.child.kill('SIGKILL')
    await gateway.exited
    expect((await repaired()).summary).toMatchObject({ setAside: { documents: 1 }, temporaries: 1, tenants: [{ sessions: 1 }] })
    expect(readdirSync(file('notes'))).toEqual([expect.stringMatching(/^x\.json\.damaged-/)])
  })

  test.each(['nothing', 'a project'])('touches no directory that is none of a store: %s', async (what) => {
    if (what !== 'nothing') {
      mkdirSync(join(data(), 'sessions/sessions'), { recursive: true })
      writeFileSync(join(data(), 'sessions/package.json'), '{}')
    }
    const before = existsSync(data()) ? snapshotOf(data()) : undefined
    const { code, errors } = await repairing()
    expect(code).toBe(1)
    expect(errors).toMatch(/is no data directory: .*\(invalid-option\)\n$/)
    expect(existsSync(data()) ? snapshotOf(data()) : undefined).toEqual(before)
  })

  test.skipIf(!canBeRefused)('says so where it may not write, and changes nothing', async () => {
    await atRest(data())
    execFileSync('chmod', ['-R', 'a+rX,a-w', data()])
    chmodSync(folder(), 0o755)
    const before = snapshotOf(data())
    const { code, errors } = await runCli(['doctor', '--repair', '--data-dir', data()], { cwd: folder(), ...other })
    expect(code).toBe(1)
    expect(errors).toMatch(/^beamclaw: [^\n]*EACCES[^\n]* \(store-io\)\n$/)
    expect(snapshotOf(data())).toEqual(before)
    execFileSync('chmod', ['-R', 'u+w', data()])
  })

  test.skipIf(!canMount)('says so on a full disk, and the next one does it', async () => {
    mkdirSync(data())
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600k', 'tmpfs', data()])
    try {
      await atRest(data())
      rmSync(join(data(), 'index.sqlite'))
      const journals = [readFileSync(journal('one')), readFileSync(journal('two'))]
      spawnSync('sh', ['-c', `cat /dev/zero > '${join(data(), 'ballast')}'`])
      const full = await repairing()
      expect(full).toMatchObject({ code: 1, errors: expect.stringMatching(/\(store-full\)\n$/) })
      rmSync(join(data(), 'ballast'))
      expect([readFileSync(journal('one')), readFileSync(journal('two'))]).toEqual(journals)
      expect((await repaired()).code).toBe(0)
      expect(await indexOf(data())).toMatchObject({ isComplete: true, keys: ['agent:main:one', 'agent:main:two'] })
    } finally {
      execFileSync('umount', ['-l', data()])
    }
  })
})

describe('a repair that ends early', () => {
  async function many(): Promise<void> {
    await interrupted(data())
    const store = new FsStore({ path: data(), sync: 'os' })
    const begin = async (_: unknown, session: number): Promise<void> => {
      const log = await store.openLog([defaultTenant, 'sessions', 'main', `a${session}`], { epoch: 1, nonce: 'a' })
      const data = { runId: 'r', messages: [{ message: { role: 'user', content: 'hello' } }] }
      await log.append([{ seq: 1, type: 'history-import', id: '1', ts: 5, data }])
      await log.close()
    }
    await Promise.all(Array.from({ length: 1_000 }, begin))
    await store.stop()
  }

  /** A repair that has begun to read sessions. */
  async function begun(): Promise<CliProcess> {
    const repair = new CliProcess(['doctor', '--repair', '--json', '--data-dir', data()], { cwd: folder() })
    await new Promise<void>((resolve, reject) => {
      repair.child.stderr?.on('data', (text: string) => text.includes('"step":"sessions"') && resolve())
      void repair.outcome.then(({ errors }) => reject(new Error(errors)))
    })
    return repair
  }

  test('by kill -9 loses nothing: the next start finds the sessions with work, and so does the next repair', async () => {
    await many()
    const repair = await begun()
    repair.child.kill('SIGKILL')
    expect((await repair.outcome).code).toBe('SIGKILL')
    cpSync(data(), join(folder(), 'copy'), { recursive: true })
    expect((await indexOf(join(folder(), 'copy'))).isComplete).toBe(false)
    expect(await resumed(join(folder(), 'copy'))).toMatchObject({ count: 1, text: 'after all' })
    expect((await repaired()).summary).toMatchObject({ tenants: [{ sessions: 1_001, withWork: 1 }], isUsable: true })
    expect(await resumed(data())).toMatchObject({ count: 1, text: 'after all' })
  })

  test('by Ctrl-C says so, releases the directory, and the index is not complete', async () => {
    await many()
    const repair = await begun()
    repair.child.kill('SIGINT')
    const { code, errors } = await repair.outcome
    expect(code).toBe(1)
    expect(errors).toMatch(/ended by a signal[^\n]* \(repair-ended\)\n$/)
    expect(existsSync(join(data(), '.lock'))).toBe(false)
    expect((await indexOf(data())).isComplete).toBe(false)
    expect(await resumed(data())).toMatchObject({ count: 1, text: 'after all' })
  })
})

describe('a doctor without --repair', () => {
  const findings = async (): Promise<readonly Record<string, unknown>[]> => {
    const outcome = await runCli(['doctor', '--json', '--data-dir', data()], { cwd: folder(), environment: { BEAMCLAW_PORT: '0' } })
    return (jsonLines(outcome)[0] as { readonly findings: readonly Record<string, unknown>[] }).findings
  }

  test('says when a repair would help, and changes nothing', async () => {
    await atRest(data())
    const of = async (name: string) => (await findings()).find((finding) => finding.name === name)
    const healthy = snapshotOf(data())
    expect(await of('session index')).toMatchObject({ state: 'ok' })
    expect(snapshotOf(data())).toEqual(healthy)
    const index = readFileSync(join(data(), 'index.sqlite'))
    flip(join(data(), 'index.sqlite'), 3)
    expect(await of('session index')).toMatchObject({ state: 'warning', advice: expect.stringContaining('--repair') })
    writeFileSync(join(data(), 'index.sqlite'), index)
    const store = new FsStore({ path: data() })
    await store.index.clear(defaultTenant)
    await store.stop()
    expect(await of('session index')).toMatchObject({ state: 'warning', detail: 'is not complete' })
    rmSync(join(data(), 'index.sqlite'))
    expect(await of('session index')).toMatchObject({ state: 'warning', detail: 'is missing' })
  })

  test('says so of a damaged document, and no more after a repair', async () => {
    await atRest(data())
    flip(settings(), 12)
    const of = async (name: string) => (await findings()).find((finding) => finding.name === name)
    expect(await of('data files')).toMatchObject({ state: 'problem', advice: expect.stringContaining('--repair') })
    await repaired()
    expect(await of('session index')).toMatchObject({ state: 'ok' })
    expect(await of('data files')).toMatchObject({ state: 'ok' })
  })
})
