/** Code of isolated tools, as tests want it. */
import { spawn } from 'node:child_process'

interface Input {
  readonly act: string
}

export default async function run(
  { act }: Input,
  { progress, attempt }: { progress: (data: unknown) => void; attempt: number },
): Promise<unknown> {
  switch (act) {
    case 'loop':
      for (;;);
    case 'tell-and-loop':
      progress('begun')
      await new Promise((resolve) => setTimeout(resolve, 50))
      for (;;);
    case 'heap': {
      const all: unknown[] = []
      for (;;) all.push(new Array(1_000).fill(all.length))
    }
    case 'buffers': {
      const all: Buffer[] = []
      for (;;) all.push(Buffer.alloc(16 * 1024 * 1024, 1))
    }
    case 'table': {
      // One that grows asks for its new size at once.
      const all = new Map<number, number>()
      for (let index = 0; ; index++) all.set(index, index)
    }
    case 'exit':
      return process.exit(3)
    case 'child':
      return spawn('sleep', ['1000']).pid
    case 'throw':
      throw Object.assign(new Error('no luck'), { isRetryable: attempt < 2 })
    case 'environment':
      return Object.keys(process.env)
    case 'progress':
      progress({ percent: 50 })
      return undefined
    case 'function':
      return () => 1
    case 'cycle': {
      const value: { self?: unknown } = {}
      value.self = value
      return value
    }
    case 'print':
      for (let index = 0; index < 100_000; index++) console.log('x'.repeat(1_000))
      return 'printed'
    case 'forge':
      process.send?.({ type: 'nothing' })
      return 'fine'
    default:
      return { act, attempt }
  }
}
