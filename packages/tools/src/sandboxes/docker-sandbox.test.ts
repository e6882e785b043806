// What an engine is asked for, by a program that writes it down; and a real engine where one works.
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sandboxContract } from '@beamclaw/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { autoSandbox } from './auto-sandbox.ts'
import { DenySandbox } from './deny-sandbox.ts'
import { DockerSandbox, type DockerSandboxOptions } from './docker-sandbox.ts'
import { callsOf, makeFakeEngine } from './testing/fake-engine.ts'
import { spawnInDoomedHost } from './testing/sandboxes.ts'

const image = `debian@sha256:${'a'.repeat(64)}`
const listener = { onOutput: () => undefined, onExit: () => undefined }

interface Place {
  readonly scratch: string
  readonly workspace: string
  readonly engine: string
}

function makePlace(): Place {
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'beamclaw-docker-')))
  const [workspace, engine] = [join(scratch, 'workspace'), join(scratch, 'engine')]
  mkdirSync(workspace)
  mkdirSync(engine)
  makeFakeEngine(engine)
  return { scratch, workspace, engine }
}

let place: Place
const make = (options: Partial<DockerSandboxOptions> = {}): DockerSandbox =>
  new DockerSandbox({ image, program: join(place.engine, 'engine'), clientEnv: { DOCKER_HOST: 'unix:///none' }, ...options })

beforeEach(() => {
  place = makePlace()
})
afterEach(() => rmSync(place.scratch, { recursive: true, force: true }))

/** Runs a command to its end; returns the words of `run`. */
async function wordsOf(sandbox: DockerSandbox, request: object = {}): Promise<readonly string[]> {
  const prepared = await sandbox.prepare({ argv: ['true'], workspace: place.workspace, ...request })
  await new Promise<void>((resolve, reject) => {
    sandbox.spawn(prepared, { listener: { ...listener, onExit: () => resolve() } }).catch(reject)
  })
  return callsOf(place.engine).find(([word]) => word === 'run') ?? []
}

describe('a container', () => {
  it('is started with these words, and no others', async () => {
    const words = await wordsOf(make(), { argv: ['echo', '$x', ''], env: { GREETING: 'hello' } })
    const name = words[words.indexOf('--name') + 1] ?? ''
    expect(name).toMatch(/^beamclaw-[0-9a-f]{24}$/)
    expect(words.map((word) => word.replaceAll(name, 'NAME').replaceAll(place.workspace, 'WS'))).toEqual([
      ...['run', '--rm', '--interactive', '--init', '--pull', 'never', '--name', 'NAME', '--label', 'beamclaw.command=NAME'],
      ...['--network', 'none', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
      ...['--pids-limit', '128', '--memory', '536870912', '--memory-swap', '536870912', '--cpus', '1', '--user', '65534:65534'],
      ...['--tmpfs', '/tmp:rw,nosuid,nodev,size=67108864', '--mount', 'type=bind,source=WS,target=/workspace', '--workdir', '/workspace'],
      ...[
        '--env',
        'LANG',
        '--env',
        'TERM',
        '--env',
        'TMPDIR',
        '--env',
        'SHLVL',
        '--env',
        'GIT_CONFIG_GLOBAL',
        '--env',
        'GREETING',
        '--env',
        'HOME=/workspace',
      ],
      ...['--entrypoint', '', '--', image, 'echo', '$x', ''],
    ])
    expect(words).not.toContain('hello')
    const env = readFileSync(join(place.engine, 'env-run'), 'utf8')
    expect(env).toContain('GREETING=hello\n')
    expect(env).toContain('DOCKER_HOST=unix:///none\n')
    expect(readFileSync(join(place.engine, 'env-version'), 'utf8')).not.toContain('GREETING')
  })

  it('has the limits, the network and the folder of the request', async () => {
    mkdirSync(join(place.workspace, 'a'))
    const limits = { cpuSeconds: 3, memoryBytes: 1_000_000, processes: 5, fileBytes: 7, openFiles: 9 }
    const words = (await wordsOf(make(), { cwd: 'a', network: true, limits })).join(' ')
    for (const part of [
      ...[
        '--network bridge',
        '--pids-limit 5',
        '--memory 1000000 --memory-swap 1000000',
        '--ulimit cpu=3:4',
        '--ulimit fsize=7',
        '--ulimit nofile=9',
      ],
      '--workdir /workspace/a',
    ])
      expect(words).toContain(part)
  })

  it('is killed by its name, and removed when its host is killed', async () => {
    const sandbox = make()
    const prepared = await sandbox.prepare({ argv: ['sleep', '1000'], workspace: place.workspace })
    const exit = Promise.withResolvers<unknown>()
    const running = await sandbox.spawn(prepared, { listener: { ...listener, onExit: exit.resolve } })
    const { name } = running.identity as { readonly name: string }
    expect(await running.signal('SIGTERM')).toBe(true)
    expect(await exit.promise).toEqual({ code: undefined, signal: 'SIGTERM', survivors: 0 })
    expect(callsOf(place.engine)).toContainEqual(['kill', '--signal', 'SIGTERM', name])
    await sandbox.reap({ sandbox: 'docker', name })
    await sandbox.reap({ sandbox: 'docker', name: '--all' })
    expect(callsOf(place.engine).filter(([word]) => word === 'rm')).toEqual([['rm', '--force', name]])

    const options = { image, program: join(place.engine, 'engine') }
    const identity = await spawnInDoomedHost({ docker: options }, place.scratch, ['sh', '-c', 'echo ready; sleep 1000'], false)
    const removal = (): boolean => callsOf(place.engine).some(([word, , removed]) => word === 'rm' && removed === identity.name)
    while (!removal()) await new Promise((resolve) => setTimeout(resolve, 10))
  })

  it('is refused when the folder was exchanged, when it would go on alone, and when another engine has prepared it', async () => {
    const sandbox = make()
    mkdirSync(join(place.workspace, 'a'))
    const prepared = await sandbox.prepare({ argv: ['true'], workspace: place.workspace, cwd: 'a' })
    await expect(make({ engine: 'podman' }).spawn(prepared, { listener })).rejects.toMatchObject({ code: 'command-refused' })
    await expect(sandbox.spawn(prepared, { listener, isDetached: true })).rejects.toMatchObject({ code: 'command-refused' })
    renameSync(join(place.workspace, 'a'), join(place.workspace, 'b'))
    symlinkSync('/', join(place.workspace, 'a'))
    await expect(sandbox.spawn(prepared, { listener })).rejects.toMatchObject({ code: 'command-refused' })
    await expect(sandbox.prepare({ argv: ['true'], workspace: place.workspace, cwd: 'a' })).rejects.toMatchObject({
      code: 'path-outside-workspace',
    })
  })

  it.each(['debian', 'debian:12', '-v', `--privileged@sha256:${'a'.repeat(64)}`, `x@sha256:${'a'.repeat(63)}`, ''])(
    'takes no image such as %j',
    (wrong) => {
      expect(() => make({ image: wrong })).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    },
  )

  it('says what is missing, and looks again', async () => {
    const sandbox = make()
    writeFileSync(join(place.engine, 'broken'), '')
    expect(await sandbox.probe()).toMatchObject({ isAvailable: false, reason: expect.stringContaining('Cannot connect to the daemon') })
    rmSync(join(place.engine, 'broken'))
    writeFileSync(join(place.engine, 'empty'), '')
    expect(await sandbox.probe()).toMatchObject({ isAvailable: false, reason: expect.stringContaining(`docker pull ${image}`) })
    rmSync(join(place.engine, 'empty'))
    expect(await sandbox.probe()).toMatchObject({ isAvailable: true })
    expect(await make({ program: '/no/such/docker' }).probe()).toMatchObject({ isAvailable: false })
  })
})

for (const engine of ['docker', 'podman'] as const) {
  sandboxContract(
    `DockerSandbox with the words of ${engine}`,
    () => {
      const own = makePlace()
      return {
        sandbox: new DockerSandbox({ image, engine, program: join(own.engine, 'engine') }),
        workspace: own.workspace,
        dispose: async () => rmSync(own.scratch, { recursive: true, force: true }),
      }
    },
    {
      describe,
      it,
      deadlineMs: 20_000,
      skip: {
        change: 'files of an image are not read before a command starts',
        signal: 'the program of the tests is no engine: it ends no tree of processes',
        terminal: 'the program of the tests makes no terminal in a container',
        limits: 'the program of the tests sets no limits',
        isolation: 'the program of the tests contains nothing',
        death: 'the program of the tests is no engine: its containers are processes of the host',
      },
    },
  )
}

const realImage = process.env.BEAMCLAW_DOCKER_IMAGE
const user = `${process.getuid?.() ?? 65_534}:${process.getgid?.() ?? 65_534}`
for (const engine of ['docker', 'podman'] as const) {
  const real = realImage === undefined ? undefined : new DockerSandbox({ image: realImage, engine, user })
  const reason = real === undefined ? 'BEAMCLAW_DOCKER_IMAGE names no image with its digest' : (await real.probe()).reason
  describe.skipIf(real === undefined || reason !== undefined)(`a real ${engine} ${reason ?? ''}`, () => {
    const skip = {
      change: 'files of an image are not read before a command starts',
      death: 'the test hosts run with the sandboxes of this machine',
    }
    sandboxContract(
      'DockerSandbox',
      () => {
        const own = makePlace()
        return {
          sandbox: real ?? new DenySandbox(),
          workspace: own.workspace,
          dispose: async () => rmSync(own.scratch, { recursive: true, force: true }),
        }
      },
      { describe, it, deadlineMs: 28_000, skip },
    )
  })
}

describe('the choice of a sandbox', () => {
  const broken = { program: '/no/such/bwrap' }

  it('is the first that works, and its reasons are those of all that do not', async () => {
    const docker = { image, program: join(place.engine, 'engine') }
    expect((await autoSandbox({ bubblewrap: broken, docker })).id).toBe('docker')
    writeFileSync(join(place.engine, 'broken'), '')
    const none = await autoSandbox({ bubblewrap: broken, docker })
    const { isAvailable, reason } = await none.probe()
    expect([none.id, isAvailable]).toEqual(['deny', false])
    for (const name of ['bubblewrap:', 'docker:', 'podman:', 'Cannot connect', 'LocalSandbox']) expect(reason).toContain(name)
  })

  it('is never the host', async () => {
    const none = await autoSandbox({ bubblewrap: broken })
    expect(none).toBeInstanceOf(DenySandbox)
    await expect(none.prepare({ argv: ['true'], workspace: place.workspace })).rejects.toMatchObject({
      code: 'sandbox-unavailable',
      kind: 'unavailable',
    })
    await expect(autoSandbox({ dokcer: {} } as object)).rejects.toMatchObject({ code: 'invalid-option' })
  })

  it('is a refusal with the reason of the caller', async () => {
    expect(await new DenySandbox('Not here.').probe()).toEqual({ isAvailable: false, reason: 'Not here.', enforces: [] })
    await expect(new DenySandbox().spawn()).rejects.toMatchObject({ code: 'sandbox-unavailable' })
    expect(() => new DenySandbox('')).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})
