import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  BeamClaw,
  defineAgent,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  type RunningBeamClaw,
  silentLogger,
} from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { bytesOfImage, imageBytes, imageOf } from './lab/images.ts'

const images = 50
const key = 'agent:main:first'

/** A model without a delay. It remembers of each request how many images it had, and whether they were the ones that were sent. */
class SeeingModel implements Provider {
  readonly seen: number[] = []
  wrong = 0
  references = 0
  readonly #known = new Set<string>()

  expects(data: string): void {
    this.#known.add(data.slice(0, 200) + data.slice(-200))
  }

  async *doStream({ messages, system }: ProviderRequest): AsyncGenerator<ProviderPart> {
    const parts = messages.flatMap((message) => (message.role === 'user' && typeof message.content !== 'string' ? message.content : []))
    const shown = parts.filter((part) => part.type === 'image')
    this.seen.push(shown.length)
    for (const { data = '', blob } of shown) {
      if (blob !== undefined) this.references += 1
      if (!this.#known.has(data.slice(0, 200) + data.slice(-200))) this.wrong += 1
    }
    yield { type: 'text-delta', text: system?.startsWith('Summarise') === true ? 'They looked at images.' : 'I see.' }
    yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 } }
  }
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-attachments-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const start = (model: Provider, passivateAfterMs = 60_000): Promise<RunningBeamClaw> =>
  new BeamClaw({
    providers: { test: model },
    agents: [defineAgent({ id: 'main', model: 'test/any', compactAboveTokens: 10_000 })],
    store: new FsStore({ path: folder }),
    sessions: { passivateAfterMs },
    services: { logger: silentLogger },
  }).start()

function filesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    return entry.isDirectory() ? filesIn(path) : [path]
  })
}

/** Bytes of all files but attachments and the index of all sessions: the journal, its snapshots, and what else the store keeps. */
function bytesBesides(): number {
  return filesIn(folder)
    .filter((path) => !path.includes('.blobs/') && !path.includes('index.sqlite'))
    .reduce((sum, path) => sum + statSync(path).size, 0)
}

/** Files with a piece of the image, as bytes or as base64. */
function filesWith(seed: number): string[] {
  const bytes = bytesOfImage(seed)
  const pieces = [bytes.subarray(3_000, 3_060), Buffer.from(bytes.subarray(3_000, 3_060).toString('base64'))]
  return filesIn(folder).filter((path) => pieces.some((piece) => readFileSync(path).includes(piece)))
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function memoryNow(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Waits until memory is within two images of what it was. Buffers that nothing holds any more are given back a while after a collection. */
const memoryIsBackAt = (before: number): Promise<true> =>
  vi.waitUntil(() => memoryNow() - before < imageBytes * 2 || undefined, { timeout: 30_000, interval: 100 })

describe('a conversation with 50 images of 2 MB', () => {
  test('is summarised, sleeps, wakes and restarts like one of text: its journal stays small, and memory does not hold the images', async () => {
    const model = new SeeingModel()
    let claw = await start(model, 50)
    for (let seed = 1; seed <= images; seed++) {
      const image = imageOf(seed)
      model.expects(image.data ?? '')
      await claw
        .session(key)
        .send([{ type: 'text', text: `image ${seed}` }, image])
        .result()
    }
    expect(model).toMatchObject({ wrong: 0, references: 0 })
    expect(Math.max(...model.seen)).toBeGreaterThan(2)
    expect(Math.max(...model.seen)).toBeLessThan(20)
    const { messages, total } = await claw.session(key).history()
    expect([total, messages.length]).toEqual([2 * images, 2 * images])
    await vi.waitUntil(async () => (await claw.session(key).inspect()).isAwake === false, { timeout: 20_000 })
    expect(bytesBesides()).toBeLessThan(200_000)
    await claw.stop()
    expect(bytesBesides()).toBeLessThan(200_000)
    expect(filesIn(folder).filter((path) => path.includes('.blobs/'))).toHaveLength(images)

    const before = memoryNow()
    claw = await start(model)
    const woken = await claw.session(key).history()
    expect(JSON.stringify(woken).length).toBeLessThan(100_000)
    expect((await claw.session(key).inspect()).isAwake).toBe(true)
    await memoryIsBackAt(before)
    expect((await claw.session(key).send('what was the last one?').result()).text).toBe('I see.')
    expect(model).toMatchObject({ wrong: 0, references: 0 })
    await memoryIsBackAt(before)

    const branch = await claw.session(key).fork('branch')
    expect(bytesBesides()).toBeLessThan(400_000)
    await claw.session(key).delete()
    expect(filesWith(7)).toHaveLength(1)
    expect((await branch.send('and now?').result()).text).toBe('I see.')
    expect(model.wrong).toBe(0)
    await branch.delete()
    for (const seed of [1, 7, images]) expect(filesWith(seed)).toEqual([])
    expect(filesIn(folder).filter((path) => path.includes('.blobs'))).toEqual([])
    await claw.stop()
  }, 120_000)
})

describe('a process that is killed', () => {
  test('between an attachment and the record of its message leaves a file that harms nothing, and goes with the session', async () => {
    const script = fileURLToPath(new URL('./lab/dies-after-blob.ts', import.meta.url))
    for (const round of [1, 2]) {
      const child = spawn(process.execPath, ['--conditions=beamclaw:source', script, folder], { stdio: ['ignore', 'ignore', 'inherit'] })
      expect((await once(child, 'exit'))[1]).toBe('SIGKILL')
      expect(filesWith(1)).toHaveLength(1)
      const model = new SeeingModel()
      const claw = await start(model)
      const session = claw.session(key)
      expect([await session.exists(), await claw.sessions()]).toEqual([false, []])
      if (round === 1) {
        // A session begins under the key, and is deleted with what the dead process left.
        await session.send('hello').result()
        expect((await session.history()).messages[0]?.message.content).toBe('hello')
      }
      await session.delete()
      expect(filesWith(1)).toEqual([])
      await claw.stop()
    }
  }, 60_000)
})
